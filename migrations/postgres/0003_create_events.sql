-- Events with what happened to them.
--
-- What is kept for a time and then dropped is only ever appended to, and lies in partitions by the time in the event's
-- UUIDv7, one for each week: a week goes as a whole, and leaves nothing to vacuum. Weeks are made ahead by the program.
-- The partitions `..._rest` take what belongs to no week that there is; they are kept small row by row.

CREATE TABLE events (
    event_id uuid NOT NULL PRIMARY KEY,
    connection bigint NOT NULL,
    message_id text,
    kind text NOT NULL,
    lane text NOT NULL CHECK (lane IN ('live', 'bulk')),
    received_at bigint NOT NULL,
    -- The digests that it can be found by, 16 bytes each.
    found_by bytea NOT NULL
) PARTITION BY RANGE (event_id);

CREATE TABLE events_rest PARTITION OF events DEFAULT;

-- The events whose story is not over: pending ones, and dead ones with the raw JSON that a replay needs. An event that
-- is not pending is what its newest outcome says.
CREATE TABLE pending (
    event_id uuid PRIMARY KEY,
    -- Dead, and kept for its payload only.
    dead boolean NOT NULL,
    -- The raw JSON; NULL after a delete erased it, or where an event was taken up again without.
    payload text
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE outcomes (
    event_id uuid NOT NULL,
    number integer NOT NULL CHECK (number >= 1),
    state text NOT NULL CHECK (state IN
        ('created', 'updated', 'deleted', 'unchanged', 'superseded', 'remembered', 'skipped', 'dead')),
    reason text,
    affiliate_id bigint,
    affiliate_code text,
    at bigint NOT NULL,
    PRIMARY KEY (event_id, number)
) PARTITION BY RANGE (event_id);

-- Outcomes are appended in the order of their times, so a few bytes tell which pages hold the late ones of an old week.
CREATE INDEX outcomes_by_time ON outcomes USING brin (at) WITH (autosummarize = on);
CREATE TABLE outcomes_rest PARTITION OF outcomes DEFAULT;
CREATE INDEX outcomes_rest_by_time ON outcomes_rest (at);

CREATE SEQUENCE attempts_id;

-- Failed calls, as one event saw them.
CREATE TABLE attempts (
    id bigint NOT NULL DEFAULT nextval('attempts_id'),
    event_id uuid NOT NULL,
    at bigint NOT NULL,
    operation text NOT NULL,
    http_status integer,
    class text NOT NULL,
    message text NOT NULL
) PARTITION BY RANGE (event_id);

CREATE INDEX attempts_by_event ON attempts (event_id);
CREATE TABLE attempts_rest PARTITION OF attempts DEFAULT;
CREATE INDEX attempts_rest_by_time ON attempts_rest (at);

-- What makes events findable: a block for the events of one transaction, because an index entry for each digest would
-- be a random write for each, and cost more than all the rest. An entry is 12 bytes: the first 8 of a digest, then the
-- place of the event among `events`, big-endian; entries are sorted.
CREATE TABLE findable (
    last_event uuid NOT NULL,
    events uuid[] NOT NULL,
    entries bytea NOT NULL
) PARTITION BY RANGE (last_event);

-- Digests do not compress.
ALTER TABLE findable ALTER COLUMN entries SET STORAGE EXTERNAL;
ALTER TABLE findable ALTER COLUMN events SET STORAGE EXTERNAL;
CREATE INDEX findable_by_event ON findable (last_event);
CREATE TABLE findable_rest PARTITION OF findable DEFAULT;

-- An event has one dead letter at most; dying again renews it.
CREATE TABLE dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    connection bigint NOT NULL,
    class text NOT NULL,
    cause text NOT NULL,
    http_status integer,
    field text,
    attempts bigint NOT NULL,
    died_at bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'replaying', 'resolved', 'discarded'))
);

CREATE INDEX dead_letters_by_time ON dead_letters (died_at);
