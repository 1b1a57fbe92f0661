-- Groups of dead letters by cause, with counts that are kept beside them. Triggers keep the counts: every statement that lays
-- down, moves, erases or drops a dead letter counts in its own transaction, also one of an earlier version.

-- The key of the group; empty before the dead letter is classified.
ALTER TABLE dead_letters ADD COLUMN group_key TEXT NOT NULL DEFAULT '';
-- Who can mend the cause.
ALTER TABLE dead_letters ADD COLUMN mender TEXT NOT NULL DEFAULT '';
-- The version of the rules by which it was classified; 0 before it was.
ALTER TABLE dead_letters ADD COLUMN rules INTEGER NOT NULL DEFAULT 0;
-- The digest of whom the event speaks of; NULL where it names nobody, or died under an earlier version.
ALTER TABLE dead_letters ADD COLUMN person BLOB;

CREATE INDEX dead_letters_by_group ON dead_letters (group_key, connection, state, died_at);
CREATE INDEX dead_letters_by_rules ON dead_letters (rules);

-- Dead letters by the hour of their death, in hours since 1970.
CREATE TABLE letter_counts (
    connection INTEGER NOT NULL,
    group_key TEXT NOT NULL,
    -- A state of a dead letter; or `people`, at hour 0: persons with open dead letters.
    what TEXT NOT NULL,
    hour INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (group_key, what, hour, connection)
) STRICT, WITHOUT ROWID;

-- Persons with open dead letters, and how many.
CREATE TABLE letter_people (
    connection INTEGER NOT NULL,
    group_key TEXT NOT NULL,
    person BLOB NOT NULL,
    letters INTEGER NOT NULL,
    PRIMARY KEY (group_key, person, connection)
) STRICT, WITHOUT ROWID;

CREATE TABLE letter_notes (
    group_key TEXT PRIMARY KEY,
    connection INTEGER NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO letter_counts (connection, group_key, what, hour, count)
    SELECT connection, '', state, died_at / 3600000000, COUNT(*) FROM dead_letters GROUP BY 1, 2, 3, 4;

CREATE TRIGGER letter_people_come AFTER INSERT ON letter_people BEGIN
    INSERT INTO letter_counts (connection, group_key, what, hour, count)
        VALUES (NEW.connection, NEW.group_key, 'people', 0, 1)
        ON CONFLICT (group_key, what, hour, connection) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER letter_people_go AFTER DELETE ON letter_people BEGIN
    UPDATE letter_counts SET count = count - 1
        WHERE group_key = OLD.group_key AND what = 'people' AND hour = 0 AND connection = OLD.connection;
    DELETE FROM letter_counts WHERE group_key = OLD.group_key AND what = 'people' AND hour = 0
        AND connection = OLD.connection AND count = 0;
END;

CREATE TRIGGER letter_comes AFTER INSERT ON dead_letters BEGIN
    INSERT INTO letter_counts (connection, group_key, what, hour, count)
        VALUES (NEW.connection, NEW.group_key, NEW.state, NEW.died_at / 3600000000, 1)
        ON CONFLICT (group_key, what, hour, connection) DO UPDATE SET count = count + 1;
    INSERT INTO letter_people (connection, group_key, person, letters)
        SELECT NEW.connection, NEW.group_key, NEW.person, 1 WHERE NEW.person IS NOT NULL AND NEW.state = 'open'
        ON CONFLICT (group_key, person, connection) DO UPDATE SET letters = letters + 1;
END;

CREATE TRIGGER letter_goes AFTER DELETE ON dead_letters BEGIN
    UPDATE letter_counts SET count = count - 1 WHERE group_key = OLD.group_key AND what = OLD.state
        AND hour = OLD.died_at / 3600000000 AND connection = OLD.connection;
    DELETE FROM letter_counts WHERE group_key = OLD.group_key AND what = OLD.state
        AND hour = OLD.died_at / 3600000000 AND connection = OLD.connection AND count = 0;
    UPDATE letter_people SET letters = letters - 1
        WHERE OLD.state = 'open' AND group_key = OLD.group_key AND person = OLD.person AND connection = OLD.connection;
    DELETE FROM letter_people WHERE OLD.state = 'open' AND group_key = OLD.group_key AND person = OLD.person
        AND connection = OLD.connection AND letters = 0;
END;

CREATE TRIGGER letter_moves AFTER UPDATE OF group_key, state, died_at, person ON dead_letters
WHEN (OLD.group_key, OLD.state, OLD.died_at, OLD.person) IS NOT (NEW.group_key, NEW.state, NEW.died_at, NEW.person)
BEGIN
    UPDATE letter_counts SET count = count - 1 WHERE group_key = OLD.group_key AND what = OLD.state
        AND hour = OLD.died_at / 3600000000 AND connection = OLD.connection;
    INSERT INTO letter_counts (connection, group_key, what, hour, count)
        VALUES (NEW.connection, NEW.group_key, NEW.state, NEW.died_at / 3600000000, 1)
        ON CONFLICT (group_key, what, hour, connection) DO UPDATE SET count = count + 1;
    DELETE FROM letter_counts WHERE group_key = OLD.group_key AND what = OLD.state
        AND hour = OLD.died_at / 3600000000 AND connection = OLD.connection AND count = 0;
    INSERT INTO letter_people (connection, group_key, person, letters)
        SELECT NEW.connection, NEW.group_key, NEW.person, 1 WHERE NEW.person IS NOT NULL AND NEW.state = 'open'
        ON CONFLICT (group_key, person, connection) DO UPDATE SET letters = letters + 1;
    UPDATE letter_people SET letters = letters - 1
        WHERE OLD.state = 'open' AND group_key = OLD.group_key AND person = OLD.person AND connection = OLD.connection;
    DELETE FROM letter_people WHERE OLD.state = 'open' AND group_key = OLD.group_key AND person = OLD.person
        AND connection = OLD.connection AND letters = 0;
END;
