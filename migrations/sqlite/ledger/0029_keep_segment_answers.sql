-- What Segment's Public API said of audiences: their sizes, never their members. Every process and command reads it before it asks.
CREATE TABLE segment_answers (
    -- What was asked: a digest of address, token and audience.
    question BLOB PRIMARY KEY,
    answer TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    -- Until when it is not asked again.
    until INTEGER NOT NULL
) WITHOUT ROWID;
