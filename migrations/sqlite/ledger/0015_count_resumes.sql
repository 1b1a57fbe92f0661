-- Tells a cause that was met before a resume from one that was met after it.
ALTER TABLE connections ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0;
