-- Bytes of the payload that is kept for a dead letter, so that a limit on them can be checked without reading payloads.
ALTER TABLE dead_letters ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;

UPDATE dead_letters SET bytes = COALESCE(
    (SELECT octet_length(payload) FROM payloads WHERE payloads.event = dead_letters.event), 0);

CREATE INDEX dead_letters_kept ON dead_letters (connection, bytes) WHERE state IN ('open', 'replaying');
