-- Events with what happened to them.

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- A UUIDv7, so that new ones are put at the end of the index.
    event_id BLOB NOT NULL UNIQUE,
    connection INTEGER NOT NULL,
    message_id TEXT,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL CHECK (lane IN ('live', 'bulk')),
    received_at INTEGER NOT NULL,
    -- The digests that it can be found by, 16 bytes each.
    found_by BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    -- The number of its current outcome; 0 before the first.
    outcome INTEGER NOT NULL DEFAULT 0,
    -- When it took its current outcome; NULL while it is pending.
    ended_at INTEGER,
    CHECK ((state = 'pending') = (ended_at IS NULL))
) STRICT;

CREATE INDEX events_by_end ON events (ended_at) WHERE ended_at IS NOT NULL;

-- The raw JSON of events that are pending or dead.
CREATE TABLE payloads (
    event INTEGER PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    payload TEXT NOT NULL
) STRICT;

-- What makes events findable, one row for the events of one transaction: an index entry for each digest would be a
-- random write for each, and cost more than all the rest. An entry is 12 bytes: the first 8 of a digest, then the
-- distance of the event's id from the first one, big-endian; entries are sorted.
CREATE TABLE findable (
    last_event INTEGER PRIMARY KEY,
    first_event INTEGER NOT NULL,
    entries BLOB NOT NULL
) STRICT;

-- Append only.
CREATE TABLE outcomes (
    event INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number >= 1),
    state TEXT NOT NULL CHECK (state IN
        ('created', 'updated', 'deleted', 'unchanged', 'superseded', 'remembered', 'skipped', 'dead')),
    reason TEXT,
    affiliate_id INTEGER,
    affiliate_code TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (event, number)
) STRICT, WITHOUT ROWID;

-- Failed calls, as one event saw them.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
    at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    http_status INTEGER,
    class TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE INDEX attempts_by_event ON attempts (event);
CREATE INDEX attempts_by_time ON attempts (at);

-- An event has one dead letter at most; dying again renews it.
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL UNIQUE REFERENCES events ON DELETE CASCADE,
    connection INTEGER NOT NULL,
    class TEXT NOT NULL,
    cause TEXT NOT NULL,
    http_status INTEGER,
    field TEXT,
    attempts INTEGER NOT NULL,
    died_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'replaying', 'resolved', 'discarded'))
) STRICT;

CREATE INDEX dead_letters_by_time ON dead_letters (died_at);
