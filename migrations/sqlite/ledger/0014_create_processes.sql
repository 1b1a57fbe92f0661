-- The processes of the installation as they report themselves, and a row that is written to prove that writing works.
CREATE TABLE processes (
    id BLOB PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('serve', 'ingest', 'worker')),
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    -- NULL while it runs, and for one that was killed.
    ended_at INTEGER,
    -- The connections that it holds and their rates, as JSON.
    connections TEXT NOT NULL CHECK (json_valid(connections))
) STRICT, WITHOUT ROWID;

CREATE TABLE heartbeats (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
