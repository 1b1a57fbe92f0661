-- How often the value of a dead letter was stated again. Graphs are written in form 2 from here on, which an earlier program
-- cannot read.
ALTER TABLE dead_letters ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
