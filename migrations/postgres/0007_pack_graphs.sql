-- Graphs are packed bytes from now on. What was JSON stays JSON, as bytes: it is read as before, and packed when it is
-- written next. They are small and dense, so nothing is won by trying to compress them.
ALTER TABLE graphs ALTER COLUMN body TYPE bytea USING convert_to(body, 'UTF8');
ALTER TABLE graphs ALTER COLUMN body SET STORAGE EXTERNAL;

-- The same of open calls, which are gone again in a moment.
ALTER TABLE calls ALTER COLUMN items SET STORAGE EXTERNAL;
