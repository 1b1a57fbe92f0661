-- Bytes of the payload that is kept for a dead letter, so that a limit on them can be checked without reading payloads.
ALTER TABLE dead_letters ADD COLUMN bytes bigint NOT NULL DEFAULT 0;

UPDATE dead_letters SET bytes = octet_length(payload) FROM pending
    WHERE pending.event_id = dead_letters.event_id AND payload IS NOT NULL;

CREATE INDEX dead_letters_kept ON dead_letters (connection, bytes) WHERE state IN ('open', 'replaying');
