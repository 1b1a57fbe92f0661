-- Audiences, and how many persons are what for each. No personal data: members are counted, never listed.

-- What the graph adds to the counts; NULL where nothing, and in graphs that nobody has counted yet. A program of an earlier
-- version leaves it as it is.
ALTER TABLE graphs ADD COLUMN counted bytea;

CREATE TABLE audiences (
    -- The number under which graphs are counted. Assigned under a lock, so that a greater one is never seen before a lesser.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection bigint NOT NULL,
    -- The folded key of its trait.
    key text NOT NULL,
    name text NOT NULL,
    -- Segment's class, space and id of it; NULL where no event said them.
    class text,
    space text,
    segment_id text,
    first_seen bigint NOT NULL,
    UNIQUE (connection, key)
);

CREATE TABLE audience_counts (
    connection bigint NOT NULL,
    audience bigint NOT NULL,
    members bigint NOT NULL,
    outs bigint NOT NULL,
    affiliates bigint NOT NULL,
    held bigint NOT NULL,
    delivered bigint NOT NULL,
    waiting bigint NOT NULL,
    refused bigint NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (connection, audience)
) WITH (fillfactor = 50);

-- What transactions add to the counts. They only append, so that none waits for another; now and then it is summed up.
CREATE TABLE audience_count_changes (
    connection bigint NOT NULL,
    audience bigint NOT NULL,
    members bigint NOT NULL,
    outs bigint NOT NULL,
    affiliates bigint NOT NULL,
    held bigint NOT NULL,
    delivered bigint NOT NULL,
    waiting bigint NOT NULL,
    refused bigint NOT NULL,
    changed_at bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- How far the graphs of a connection have been counted that were there before an audience.
CREATE TABLE audience_walks (
    connection bigint PRIMARY KEY,
    -- The newest audience that the walk counts.
    audience bigint NOT NULL,
    -- The last graph that was seen; NULL when all were.
    position bigint,
    -- There were more audiences than are kept.
    beyond boolean NOT NULL DEFAULT false
);
