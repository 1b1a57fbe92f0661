-- Identity graphs, who may work on them, and the calls that are out for them.

CREATE TABLE graphs (
    -- AUTOINCREMENT never gives an id again: a digest that still points at a dissolved graph must not find another.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- What it needs next, if anything.
    lane TEXT CHECK (lane IN ('live', 'bulk')),
    step TEXT CHECK (step IN ('status', 'search', 'create', 'edit')),
    due_at INTEGER,
    dirty INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    body TEXT NOT NULL,
    CHECK ((lane IS NULL) = (due_at IS NULL) AND (step IS NULL) = (due_at IS NULL))
) STRICT;

CREATE INDEX graphs_due ON graphs (connection, lane, step, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX graphs_by_connection ON graphs (connection);

-- Which graph holds an identifier. A digest whose graph is gone is free.
CREATE TABLE graph_digests (
    connection INTEGER NOT NULL,
    digest BLOB NOT NULL,
    graph INTEGER NOT NULL,
    PRIMARY KEY (connection, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    connection INTEGER PRIMARY KEY,
    -- NULL after it was given back.
    holder BLOB,
    token INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Calls without a recorded answer.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection INTEGER NOT NULL,
    token INTEGER NOT NULL,
    operation TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    items TEXT NOT NULL
) STRICT;

CREATE INDEX calls_by_connection ON calls (connection, token);

-- How far changed settings have been applied to all graphs of a connection.
CREATE TABLE walks (
    connection INTEGER PRIMARY KEY,
    settings_version INTEGER NOT NULL,
    -- The last graph that was seen; NULL when all were.
    position INTEGER
) STRICT;
