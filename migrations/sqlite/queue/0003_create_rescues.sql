-- Damaged files from which events were rescued into this one, for `status`.
CREATE TABLE rescues (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL, -- microseconds since 1970, UTC
    file TEXT NOT NULL, -- where the damaged file is
    rescued INTEGER NOT NULL, -- events that are here
    unreadable INTEGER NOT NULL -- events that could not be read
) STRICT;
