-- Repairs of dead letters, the requests of failed calls, and notifications of operators.

-- Repaired payloads of a dead letter's event; the original stays in `payloads`.
CREATE TABLE repairs (
    letter INTEGER NOT NULL REFERENCES dead_letters ON DELETE CASCADE,
    -- Counted from 1; the original is 0.
    revision INTEGER NOT NULL CHECK (revision >= 1),
    -- NULL once the dead letter's payload is dropped or erased.
    payload TEXT,
    at INTEGER NOT NULL,
    -- Who repaired it, and why; no personal data of the event.
    actor TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (letter, revision)
) STRICT, WITHOUT ROWID;

-- Whatever statement drops or erases the payload of a dead letter, also one of an earlier version.
CREATE TRIGGER repairs_go AFTER UPDATE OF state, bytes, kept_until ON dead_letters
WHEN NEW.state = 'resolved' OR NEW.bytes = 0 OR (NEW.state = 'discarded' AND NEW.kept_until IS NULL)
BEGIN
    UPDATE repairs SET payload = NULL WHERE letter = NEW.id AND payload IS NOT NULL;
END;

-- Open dead letters by class: each class may have a retention of its own.
CREATE INDEX dead_letters_open_by_class ON dead_letters (class, died_at) WHERE state = 'open';

-- What was sent, less any value of a person; NULL for calls before this version, and once it is erased.
ALTER TABLE attempts ADD COLUMN request TEXT;

CREATE TRIGGER attempts_erased AFTER UPDATE OF message ON attempts
WHEN NEW.message = '' AND NEW.request IS NOT NULL
BEGIN
    UPDATE attempts SET request = NULL WHERE id = NEW.id;
END;

-- What operators are to be notified of, until it is delivered or given up. Bodies hold nothing personal.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- What happened, once: several processes may notice it.
    fact TEXT NOT NULL UNIQUE,
    connection INTEGER,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT
) STRICT;

CREATE INDEX notifications_due ON notifications (due_at) WHERE state = 'waiting';
CREATE INDEX notifications_by_time ON notifications (at);

-- Which process watches and delivers, and what it has seen.
CREATE TABLE notifier (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    holder BLOB NOT NULL,
    until INTEGER NOT NULL,
    seen TEXT NOT NULL
) STRICT;
