-- Graphs are packed bytes from now on. What was JSON stays JSON, as bytes: it is read as before, and packed when it is
-- written next. A column's type cannot be changed, so the table is made anew, under the ids that it had given.

ALTER TABLE graphs RENAME TO graphs_as_text;
DROP INDEX graphs_due;
DROP INDEX graphs_by_connection;

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
    body BLOB NOT NULL,
    CHECK ((lane IS NULL) = (due_at IS NULL) AND (step IS NULL) = (due_at IS NULL))
) STRICT;

CREATE INDEX graphs_due ON graphs (connection, lane, step, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX graphs_by_connection ON graphs (connection);

INSERT INTO graphs (id, connection, version, lane, step, due_at, dirty, waiting, body)
    SELECT id, connection, version, lane, step, due_at, dirty, waiting, CAST(body AS BLOB) FROM graphs_as_text;
-- An id that a dissolved graph had must not be given again.
DELETE FROM sqlite_sequence WHERE name = 'graphs';
UPDATE sqlite_sequence SET name = 'graphs' WHERE name = 'graphs_as_text';
DROP TABLE graphs_as_text;
