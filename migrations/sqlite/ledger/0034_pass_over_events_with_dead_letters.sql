-- Whether the event has a dead letter, which keeps it: retention looked at each of them in each sweep.
ALTER TABLE events ADD COLUMN has_letter INTEGER NOT NULL DEFAULT 0;

UPDATE events SET has_letter = 1 WHERE id IN (SELECT event FROM dead_letters);

CREATE TRIGGER letter_keeps_event AFTER INSERT ON dead_letters BEGIN
    UPDATE events SET has_letter = 1 WHERE id = NEW.event;
END;

CREATE TRIGGER letter_frees_event AFTER DELETE ON dead_letters BEGIN
    UPDATE events SET has_letter = 0 WHERE id = OLD.event;
END;

-- An earlier version that runs beside this one uses `events_by_end`, which goes a version later.
CREATE INDEX events_without_letter_by_end ON events (ended_at) WHERE ended_at IS NOT NULL AND has_letter = 0;
