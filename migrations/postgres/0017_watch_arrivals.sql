-- What publishers have numbered, what of it has arrived, and what is missing.

-- A stream is what one process publishes to one queue; its events are numbered from 1.
CREATE TABLE streams (
    id uuid PRIMARY KEY,
    queue text NOT NULL,
    lane text NOT NULL CHECK (lane IN ('live', 'bulk')),
    started_at bigint NOT NULL,
    -- When something was published last.
    last_at bigint NOT NULL,
    reported_at bigint NOT NULL,
    -- The numbers that the broker confirmed, as ranges: 1-40,42.
    confirmed text NOT NULL,
    -- Numbers with their times, as JSON.
    marks text NOT NULL
) WITH (fillfactor = 50);

-- Numbers that were absorbed, appended by each worker before it acknowledges them; added to `arrived` every few seconds.
CREATE TABLE arrival_notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream uuid NOT NULL,
    numbers text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE arrived (
    stream uuid PRIMARY KEY,
    numbers text NOT NULL,
    changed_at bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE missing_events (
    stream uuid PRIMARY KEY,
    queue text NOT NULL,
    numbers text NOT NULL,
    -- How many more there are whose numbers are not kept.
    beyond bigint NOT NULL,
    since bigint NOT NULL,
    until bigint NOT NULL,
    found_at bigint NOT NULL
);

-- Whether the process notes what it absorbs; those of earlier versions do not.
ALTER TABLE processes ADD COLUMN notes_arrivals boolean NOT NULL DEFAULT false;
