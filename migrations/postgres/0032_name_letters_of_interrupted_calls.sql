-- The dead letters that were under way when a call was interrupted: once none of them is, a call about the same person repeats
-- nothing for their plans. Rows of earlier versions name none, and are not counted.
ALTER TABLE interrupted_calls ADD COLUMN letters bigint[] NOT NULL DEFAULT '{}';
