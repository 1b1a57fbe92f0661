-- A row that is written to prove that writing works.
CREATE TABLE heartbeats (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL -- microseconds since 1970, UTC
) STRICT;
