-- Which affiliate code a numeric id belongs to, so that an id is never taken for that of another affiliate.
CREATE TABLE affiliate_codes (
    connection bigint NOT NULL,
    affiliate bigint NOT NULL,
    code text NOT NULL,
    PRIMARY KEY (connection, affiliate)
);

-- Until when Refersion asked to wait (Retry-After); NULL where it did not.
ALTER TABLE connections ADD COLUMN asked_to_wait_until bigint; -- microseconds since 1970, UTC
