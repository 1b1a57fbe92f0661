-- When and why an operator discarded a dead letter, and until when its payload is kept so that it can be restored.
ALTER TABLE dead_letters ADD COLUMN discarded_at INTEGER;
ALTER TABLE dead_letters ADD COLUMN reason TEXT;
ALTER TABLE dead_letters ADD COLUMN kept_until INTEGER;
-- The newer event with which Refersion got what the dead letter stated; NULL where it was its own replay.
ALTER TABLE dead_letters ADD COLUMN resolved_by BLOB;

CREATE INDEX dead_letters_kept_until ON dead_letters (kept_until) WHERE kept_until IS NOT NULL;
