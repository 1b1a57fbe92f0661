-- How far the rows of an old week have been dropped one by one, because too many of its events stay for dropping it as a whole.
CREATE TABLE thinned_weeks (
    week bigint PRIMARY KEY,
    -- The last event of the week that was looked at.
    after uuid NOT NULL,
    -- What ended before this time was dropped, in microseconds since 1970.
    before bigint NOT NULL,
    -- Whether all events of the week have been looked at.
    done boolean NOT NULL
);
