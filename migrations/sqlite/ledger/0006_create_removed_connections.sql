-- Connections that were removed: a batch that was read before must not be recorded after. Ids are never given again.
CREATE TABLE removed_connections (
    id INTEGER PRIMARY KEY
) STRICT;
