-- Repairs of dead letters, the requests of failed calls, and notifications of operators.

-- Repaired payloads of a dead letter's event; the original stays in `pending`.
CREATE TABLE repairs (
    letter bigint NOT NULL REFERENCES dead_letters ON DELETE CASCADE,
    -- Counted from 1; the original is 0.
    revision integer NOT NULL CHECK (revision >= 1),
    -- NULL once the dead letter's payload is dropped or erased.
    payload text,
    at bigint NOT NULL,
    -- Who repaired it, and why; no personal data of the event.
    actor text NOT NULL,
    reason text,
    PRIMARY KEY (letter, revision)
);

CREATE FUNCTION repairs_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE repairs SET payload = NULL WHERE letter = NEW.id AND payload IS NOT NULL;
    RETURN NULL;
END $$;

-- Whatever statement drops or erases the payload of a dead letter, also one of an earlier version.
CREATE TRIGGER repairs_go AFTER UPDATE OF state, bytes, kept_until ON dead_letters FOR EACH ROW
    WHEN (NEW.state = 'resolved' OR NEW.bytes = 0 OR (NEW.state = 'discarded' AND NEW.kept_until IS NULL))
    EXECUTE FUNCTION repairs_go();

-- Open dead letters by class: each class may have a retention of its own.
CREATE INDEX dead_letters_open_by_class ON dead_letters (class, died_at) WHERE state = 'open';

-- What was sent, less any value of a person; NULL for calls before this version, and once it is erased.
ALTER TABLE attempts ADD COLUMN request text;

CREATE FUNCTION attempt_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.request := NULL;
    RETURN NEW;
END $$;

CREATE TRIGGER attempt_erased BEFORE UPDATE OF message ON attempts FOR EACH ROW
    WHEN (NEW.message = '') EXECUTE FUNCTION attempt_erased();

-- What operators are to be notified of, until it is delivered or given up. Bodies hold nothing personal.
CREATE TABLE notifications (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- What happened, once: several processes may notice it.
    fact text NOT NULL UNIQUE,
    connection bigint,
    type text NOT NULL,
    body text NOT NULL,
    at bigint NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    due_at bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    error text
);

CREATE INDEX notifications_due ON notifications (due_at) WHERE state = 'waiting';
CREATE INDEX notifications_by_time ON notifications (at);

-- Which process watches and delivers, and what it has seen.
CREATE TABLE notifier (
    id bigint PRIMARY KEY CHECK (id = 1),
    holder uuid NOT NULL,
    until bigint NOT NULL,
    seen text NOT NULL
);
