-- What an operator is told: counts, unmapped traits, and the audit.

-- Counts that would take a scan: events by state, and how much of the graphs is dirty or waiting.
CREATE TABLE tallies (
    connection INTEGER NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (connection, what)
) STRICT, WITHOUT ROWID;

CREATE TABLE unmapped (
    connection INTEGER NOT NULL,
    key TEXT NOT NULL,
    spelling TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (connection, key)
) STRICT, WITHOUT ROWID;

-- Ids only, no personal data.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    connection INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
