-- How far sweeps have come, so that a clock that jumps does not make everything expire.
CREATE TABLE sweeps (
    id bigint PRIMARY KEY CHECK (id = 1),
    swept bigint NOT NULL -- microseconds since 1970, UTC
);
