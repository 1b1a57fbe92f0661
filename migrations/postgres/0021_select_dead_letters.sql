-- The key of the audience or computed trait that Engage synced with the event: selectors ask for it.
ALTER TABLE dead_letters ADD COLUMN audience text;

-- Lists page by time and id.
CREATE INDEX dead_letters_by_time_and_id ON dead_letters (died_at, id);
DROP INDEX dead_letters_by_time;
