-- What an operator is told: counts, unmapped traits, and the audit.

-- Counts that would take a scan: events by state, and how much of the graphs is dirty or waiting. Events are counted by
-- the week of their partition, so that a week is dropped without counting it.
CREATE TABLE tallies (
    connection bigint NOT NULL,
    -- Weeks since 1970 of the time in the event's id; 0 where no event is counted.
    week bigint NOT NULL,
    what text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (connection, week, what)
) WITH (fillfactor = 50);

-- What transactions add to the counts. They only append, so that none waits for another; now and then it is summed up.
CREATE TABLE tally_changes (
    connection bigint NOT NULL,
    week bigint NOT NULL,
    what text NOT NULL,
    change bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE unmapped (
    connection bigint NOT NULL,
    key text NOT NULL,
    spelling text NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (connection, key)
) WITH (fillfactor = 50);

CREATE TABLE unmapped_changes (
    -- Who came first is counted where there is no room for all.
    id bigint GENERATED ALWAYS AS IDENTITY,
    connection bigint NOT NULL,
    key text NOT NULL,
    spelling text NOT NULL,
    events bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Ids only, no personal data.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection bigint NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL
);
