-- Calls of plans that were open when their worker ended, until they are sent again: the plans then count them.
ALTER TABLE plans ADD COLUMN repeated_calls INTEGER NOT NULL DEFAULT 0;

CREATE TABLE interrupted_calls (
    -- That of the call.
    id INTEGER PRIMARY KEY,
    connection INTEGER NOT NULL,
    operation TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    items TEXT NOT NULL,
    -- The plans with items of its persons under way, as a JSON list of ids.
    plans TEXT NOT NULL
) STRICT;

CREATE INDEX interrupted_calls_by_connection ON interrupted_calls (connection, started_at);
