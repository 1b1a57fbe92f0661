-- A message id may name a person, and an event outlives a delete: only its digest is kept, in `found_by`. The column
-- `message_id` stays for programs of the version before and is no longer written. What it holds is cleared in the
-- background, a bounded number of rows at a time.
CREATE TABLE message_ids_to_clear (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    -- The last event that was looked at.
    position uuid NOT NULL,
    -- When to go through all events once more, for what programs of the version before wrote meanwhile; NULL: not again.
    again_at bigint
);

INSERT INTO message_ids_to_clear (only_row, position, again_at)
    SELECT 1, '00000000-0000-0000-0000-000000000000', ((extract(epoch FROM clock_timestamp()) + 86400) * 1000000)::bigint
    WHERE EXISTS (SELECT 1 FROM events);

-- Identity graphs lose the message ids of what a delete covers when they are settled. A walk through all graphs settles each.
DELETE FROM walks;
