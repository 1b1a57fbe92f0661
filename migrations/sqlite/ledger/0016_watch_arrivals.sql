-- What publishers have numbered, what of it has arrived, and what is missing.

-- A stream is what one process publishes to one queue; its events are numbered from 1.
CREATE TABLE streams (
    id BLOB PRIMARY KEY,
    queue TEXT NOT NULL,
    lane TEXT NOT NULL CHECK (lane IN ('live', 'bulk')),
    started_at INTEGER NOT NULL,
    -- When something was published last.
    last_at INTEGER NOT NULL,
    reported_at INTEGER NOT NULL,
    -- The numbers that the broker confirmed, as ranges: 1-40,42.
    confirmed TEXT NOT NULL,
    -- Numbers with their times, as JSON.
    marks TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that were absorbed, appended by each worker before it acknowledges them; added to `arrived` every few seconds.
CREATE TABLE arrival_notes (
    id INTEGER PRIMARY KEY,
    stream BLOB NOT NULL,
    numbers TEXT NOT NULL
) STRICT;

CREATE TABLE arrived (
    stream BLOB PRIMARY KEY,
    numbers TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE missing_events (
    stream BLOB PRIMARY KEY,
    queue TEXT NOT NULL,
    numbers TEXT NOT NULL,
    -- How many more there are whose numbers are not kept.
    beyond INTEGER NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    found_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whether the process notes what it absorbs; those of earlier versions do not.
ALTER TABLE processes ADD COLUMN notes_arrivals INTEGER NOT NULL DEFAULT 0;
