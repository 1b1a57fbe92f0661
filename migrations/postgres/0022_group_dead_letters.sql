-- Groups of dead letters by cause, with counts that are kept beside them. Triggers keep the counts: every statement that lays
-- down, moves, erases or drops dead letters counts in its own transaction, also one of an earlier version.

ALTER TABLE dead_letters
    -- The key of the group; empty before the dead letter is classified.
    ADD COLUMN group_key text NOT NULL DEFAULT '',
    -- Who can mend the cause.
    ADD COLUMN mender text NOT NULL DEFAULT '',
    -- The version of the rules by which it was classified; 0 before it was.
    ADD COLUMN rules bigint NOT NULL DEFAULT 0,
    -- The digest of whom the event speaks of; NULL where it names nobody, or died under an earlier version.
    ADD COLUMN person bytea;

CREATE INDEX dead_letters_by_group ON dead_letters (group_key, connection, state, died_at);
CREATE INDEX dead_letters_by_rules ON dead_letters (rules, id);

-- Dead letters by the hour of their death, in hours since 1970.
CREATE TABLE letter_counts (
    connection bigint NOT NULL,
    group_key text NOT NULL,
    -- A state of a dead letter; or `people`, at hour 0: persons with open dead letters.
    what text NOT NULL,
    hour bigint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (group_key, what, hour, connection)
) WITH (fillfactor = 50);

-- What statements add to the counts. They only append, so that none waits for another; now and then it is summed up.
CREATE TABLE letter_count_changes (
    connection bigint NOT NULL,
    group_key text NOT NULL,
    what text NOT NULL,
    hour bigint NOT NULL,
    change bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Persons with open dead letters, and how many.
CREATE TABLE letter_people (
    connection bigint NOT NULL,
    group_key text NOT NULL,
    person bytea NOT NULL,
    letters bigint NOT NULL,
    PRIMARY KEY (group_key, person, connection)
) WITH (fillfactor = 70);

CREATE TABLE letter_notes (
    group_key text PRIMARY KEY,
    connection bigint NOT NULL,
    note text NOT NULL,
    at bigint NOT NULL
);

INSERT INTO letter_counts (connection, group_key, what, hour, count)
    SELECT connection, '', state, died_at / 3600000000, COUNT(*) FROM dead_letters GROUP BY 1, 2, 3, 4;

CREATE FUNCTION letter_people_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO letter_count_changes (connection, group_key, what, hour, change)
        SELECT connection, group_key, 'people', 0, COUNT(*) FROM come GROUP BY 1, 2;
    RETURN NULL;
END $$;

CREATE FUNCTION letter_people_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO letter_count_changes (connection, group_key, what, hour, change)
        SELECT connection, group_key, 'people', 0, -COUNT(*) FROM gone GROUP BY 1, 2;
    RETURN NULL;
END $$;

CREATE TRIGGER letter_people_come AFTER INSERT ON letter_people
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION letter_people_come();
CREATE TRIGGER letter_people_go AFTER DELETE ON letter_people
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION letter_people_go();

-- Rows of persons are locked in the order of their keys, so that two transactions never wait for each other.
CREATE FUNCTION letters_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO letter_count_changes (connection, group_key, what, hour, change)
        SELECT connection, group_key, state, died_at / 3600000000, COUNT(*) FROM come GROUP BY 1, 2, 3, 4;
    INSERT INTO letter_people AS there (connection, group_key, person, letters)
        SELECT connection, group_key, person, COUNT(*) FROM come WHERE state = 'open' AND person IS NOT NULL
        GROUP BY 1, 2, 3 ORDER BY 2, 3, 1
        ON CONFLICT (group_key, person, connection) DO UPDATE SET letters = there.letters + excluded.letters;
    RETURN NULL;
END $$;

CREATE FUNCTION letters_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO letter_count_changes (connection, group_key, what, hour, change)
        SELECT connection, group_key, state, died_at / 3600000000, -COUNT(*) FROM gone GROUP BY 1, 2, 3, 4;
    INSERT INTO letter_people AS there (connection, group_key, person, letters)
        SELECT connection, group_key, person, -COUNT(*) FROM gone WHERE state = 'open' AND person IS NOT NULL
        GROUP BY 1, 2, 3 ORDER BY 2, 3, 1
        ON CONFLICT (group_key, person, connection) DO UPDATE SET letters = there.letters + excluded.letters;
    DELETE FROM letter_people WHERE letters <= 0 AND (group_key, person, connection) IN
        (SELECT group_key, person, connection FROM gone WHERE state = 'open');
    RETURN NULL;
END $$;

CREATE FUNCTION letters_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO letter_count_changes (connection, group_key, what, hour, change)
        SELECT connection, group_key, state, hour, SUM(change) FROM (
            SELECT connection, group_key, state, died_at / 3600000000 AS hour, 1 AS change FROM come
            UNION ALL SELECT connection, group_key, state, died_at / 3600000000, -1 FROM gone) AS moves
        GROUP BY 1, 2, 3, 4 HAVING SUM(change) <> 0;
    INSERT INTO letter_people AS there (connection, group_key, person, letters)
        SELECT connection, group_key, person, SUM(change) FROM (
            SELECT connection, group_key, person, 1 AS change FROM come WHERE state = 'open' AND person IS NOT NULL
            UNION ALL
            SELECT connection, group_key, person, -1 FROM gone WHERE state = 'open' AND person IS NOT NULL) AS moves
        GROUP BY 1, 2, 3 HAVING SUM(change) <> 0 ORDER BY 2, 3, 1
        ON CONFLICT (group_key, person, connection) DO UPDATE SET letters = there.letters + excluded.letters;
    DELETE FROM letter_people WHERE letters <= 0 AND (group_key, person, connection) IN
        (SELECT group_key, person, connection FROM gone WHERE state = 'open');
    RETURN NULL;
END $$;

CREATE TRIGGER letters_come AFTER INSERT ON dead_letters
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION letters_come();
CREATE TRIGGER letters_go AFTER DELETE ON dead_letters
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION letters_go();
CREATE TRIGGER letters_move AFTER UPDATE ON dead_letters
    REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION letters_move();
