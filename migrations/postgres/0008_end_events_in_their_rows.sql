-- The first outcome of an event that ends in the transaction that records it stands in the event's row: all of a carried
-- batch end so, and a row in `outcomes` with its index entry costs nearly as much as the event. Every other outcome is in
-- `outcomes`, as before. An event that is not pending is what its outcome with the greatest number says; the one in its row
-- has number 1.
ALTER TABLE events
    ADD COLUMN first_state text,
    ADD COLUMN first_reason text,
    ADD COLUMN first_affiliate_id bigint,
    ADD COLUMN first_affiliate_code text,
    ADD COLUMN first_at bigint;

-- The rows that are there have none, which need not be read to be known.
ALTER TABLE events
    ADD CHECK (first_state IN
        ('created', 'updated', 'deleted', 'unchanged', 'superseded', 'remembered', 'skipped', 'dead')) NOT VALID,
    ADD CHECK ((first_state IS NULL) = (first_at IS NULL)) NOT VALID;

-- As of `outcomes`: which pages hold the late ones of an old week, and what is old in the rest.
CREATE INDEX events_by_time ON events USING brin (first_at) WITH (autosummarize = on);
CREATE INDEX events_rest_by_time ON events_rest (first_at) WHERE first_at IS NOT NULL;

-- Half of each page is left free, so that every update finds room beside its row and is heap-only. With 70 two of five
-- were not in a first pass over all graphs; they wrote both indices, and more pages in the end.
ALTER TABLE graphs SET (fillfactor = 50);
