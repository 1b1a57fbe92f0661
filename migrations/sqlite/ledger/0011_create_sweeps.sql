-- How far sweeps have come, so that a clock that jumps does not make everything expire.
CREATE TABLE sweeps (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    swept INTEGER NOT NULL -- microseconds since 1970, UTC
) STRICT;
