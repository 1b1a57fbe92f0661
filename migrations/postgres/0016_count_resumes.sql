-- Tells a cause that was met before a resume from one that was met after it.
ALTER TABLE connections ADD COLUMN resumes bigint NOT NULL DEFAULT 0;
