ALTER TABLE dead_letters
    -- When and why an operator discarded it, and until when its payload is kept so that it can be restored.
    ADD COLUMN discarded_at bigint,
    ADD COLUMN reason text,
    ADD COLUMN kept_until bigint,
    -- The newer event with which Refersion got what the dead letter stated; NULL where it was its own replay.
    ADD COLUMN resolved_by uuid;

CREATE INDEX dead_letters_kept_until ON dead_letters (kept_until) WHERE kept_until IS NOT NULL;
