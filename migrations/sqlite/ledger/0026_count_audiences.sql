-- Audiences, and how many persons are what for each. No personal data: members are counted, never listed.

-- What the graph adds to the counts; NULL where nothing, and in graphs that nobody has counted yet. A program of an earlier
-- version leaves it as it is.
ALTER TABLE graphs ADD COLUMN counted BLOB;

CREATE TABLE audiences (
    -- The number under which graphs are counted. It is never used again.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection INTEGER NOT NULL,
    -- The folded key of its trait.
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Segment's class, space and id of it; NULL where no event said them.
    class TEXT,
    space TEXT,
    segment_id TEXT,
    first_seen INTEGER NOT NULL,
    UNIQUE (connection, key)
) STRICT;

CREATE TABLE audience_counts (
    connection INTEGER NOT NULL,
    audience INTEGER NOT NULL,
    members INTEGER NOT NULL,
    outs INTEGER NOT NULL,
    affiliates INTEGER NOT NULL,
    held INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (connection, audience)
) STRICT, WITHOUT ROWID;

-- How far the graphs of a connection have been counted that were there before an audience.
CREATE TABLE audience_walks (
    connection INTEGER PRIMARY KEY,
    -- The newest audience that the walk counts.
    audience INTEGER NOT NULL,
    -- The last graph that was seen; NULL when all were.
    position INTEGER,
    -- There were more audiences than are kept.
    beyond INTEGER NOT NULL DEFAULT 0
) STRICT;
