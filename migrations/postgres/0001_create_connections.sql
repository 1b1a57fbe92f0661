-- Connections, their API keys, and what the master key is checked against.
-- Times are microseconds since 1970 in every table; digests are 16 keyed bytes.

CREATE TABLE connections (
    -- An identity is never given again: events that are still in a queue carry it.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT connections_name UNIQUE,
    settings text NOT NULL,
    settings_version bigint NOT NULL DEFAULT 1,
    paused_for text CHECK (paused_for IN ('breaker', 'configuration', 'credentials', 'operator')),
    paused_since bigint,
    paused_because text,
    learned_rate double precision,
    created_at bigint NOT NULL,
    write_key text NOT NULL UNIQUE,
    CHECK ((paused_for IS NULL) = (paused_since IS NULL)),
    CHECK ((paused_for IS NULL) = (paused_because IS NULL))
);

CREATE TABLE api_keys (
    digest bytea PRIMARY KEY,
    connection bigint NOT NULL REFERENCES connections ON DELETE CASCADE,
    -- The key itself, encrypted.
    sealed bytea NOT NULL,
    -- Until when it opens the door; NULL is the newest key, which opens it until it is replaced.
    valid_until bigint
);

CREATE UNIQUE INDEX api_keys_newest ON api_keys (connection) WHERE valid_until IS NULL;

CREATE TABLE master_key (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    check_value bytea NOT NULL,
    key_number bigint NOT NULL CHECK (key_number >= 1)
);
