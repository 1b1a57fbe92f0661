-- Dead letters of events that no graph keeps, by the identifiers that they name: how a delete finds them.
CREATE TABLE stray_letters (
    connection INTEGER NOT NULL,
    digest BLOB NOT NULL,
    event INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    -- The event's own time: a delete erases what is not newer.
    said_at INTEGER NOT NULL,
    PRIMARY KEY (connection, digest, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX stray_letters_by_event ON stray_letters (event);
