-- Whether nothing is left of a removed connection, and up to which event was looked at: a removal works page by page, and what a
-- killed process has left is removed by sweeps.
ALTER TABLE removed_connections ADD COLUMN is_emptied INTEGER NOT NULL DEFAULT 1;
ALTER TABLE removed_connections ADD COLUMN events_until INTEGER NOT NULL DEFAULT 0;
