-- Finds the plans with items under way, however many plans there are. The number is not in the condition, so that counting does
-- not write into the index.
CREATE INDEX plan_counts_under_way ON plan_counts (plan) WHERE state IN ('releasing', 'released');
