-- Calls of plans that were open when their worker ended, until they are sent again: the plans then count them.
ALTER TABLE plans ADD COLUMN repeated_calls bigint NOT NULL DEFAULT 0;

CREATE TABLE interrupted_calls (
    -- That of the call.
    id bigint PRIMARY KEY,
    connection bigint NOT NULL,
    operation text NOT NULL,
    started_at bigint NOT NULL,
    items text NOT NULL,
    -- The plans with items of its persons under way.
    plans bigint[] NOT NULL
);

CREATE INDEX interrupted_calls_by_connection ON interrupted_calls (connection, started_at);
