-- Which affiliate code a numeric id belongs to, so that an id is never taken for that of another affiliate.
CREATE TABLE affiliate_codes (
    connection INTEGER NOT NULL,
    affiliate INTEGER NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (connection, affiliate)
) STRICT, WITHOUT ROWID;

-- Until when Refersion asked to wait (Retry-After); NULL where it did not.
ALTER TABLE connections ADD COLUMN asked_to_wait_until INTEGER; -- microseconds since 1970, UTC
