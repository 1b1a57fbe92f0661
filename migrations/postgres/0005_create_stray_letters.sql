-- Dead letters of events that no graph keeps, by the identifiers that they name: how a delete finds them.
CREATE TABLE stray_letters (
    connection bigint NOT NULL,
    digest bytea NOT NULL,
    event_id uuid NOT NULL,
    -- The event's own time: a delete erases what is not newer.
    said_at bigint NOT NULL,
    PRIMARY KEY (connection, digest, event_id)
);

CREATE INDEX stray_letters_by_event ON stray_letters (event_id);
