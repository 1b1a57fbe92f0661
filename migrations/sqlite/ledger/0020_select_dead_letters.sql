-- The key of the audience or computed trait that Engage synced with the event: selectors ask for it.
ALTER TABLE dead_letters ADD COLUMN audience TEXT;
