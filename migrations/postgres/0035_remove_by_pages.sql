-- Whether nothing is left of a removed connection, and up to which event was looked at: a removal works page by page, and what a
-- killed process has left is removed by sweeps.
ALTER TABLE removed_connections
    ADD COLUMN is_emptied boolean NOT NULL DEFAULT true,
    ADD COLUMN events_until uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
