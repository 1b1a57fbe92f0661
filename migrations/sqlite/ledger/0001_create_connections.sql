-- Connections, their API keys, and what the master key is checked against.
-- Times are microseconds since 1970 in every table; digests are 16 keyed bytes.

CREATE TABLE connections (
    -- AUTOINCREMENT never gives an id again: events that are still in a queue carry it.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    settings_version INTEGER NOT NULL DEFAULT 1,
    paused_for TEXT CHECK (paused_for IN ('breaker', 'configuration', 'credentials', 'operator')),
    paused_since INTEGER,
    paused_because TEXT,
    learned_rate REAL,
    created_at INTEGER NOT NULL,
    write_key TEXT NOT NULL UNIQUE,
    CHECK ((paused_for IS NULL) = (paused_since IS NULL)),
    CHECK ((paused_for IS NULL) = (paused_because IS NULL))
) STRICT;

CREATE TABLE api_keys (
    digest BLOB PRIMARY KEY,
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    -- The key itself, encrypted.
    sealed BLOB NOT NULL,
    -- Until when it opens the door; NULL is the newest key, which opens it until it is replaced.
    valid_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_newest ON api_keys (connection) WHERE valid_until IS NULL;

CREATE TABLE master_key (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    check_value BLOB NOT NULL,
    key_number INTEGER NOT NULL CHECK (key_number >= 1)
) STRICT;
