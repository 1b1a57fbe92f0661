-- What Segment's Public API said of audiences: their sizes, never their members. Every process and command reads it before it asks.
CREATE TABLE segment_answers (
    -- What was asked: a digest of address, token and audience.
    question bytea PRIMARY KEY,
    answer text NOT NULL,
    asked_at bigint NOT NULL,
    -- Until when it is not asked again.
    until bigint NOT NULL
);
