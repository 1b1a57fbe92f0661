-- What Segment's Webhooks destinations sign their requests with.
CREATE TABLE shared_secrets (
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    digest BLOB NOT NULL,
    -- The secret itself, encrypted.
    sealed BLOB NOT NULL,
    -- Until when it is valid; NULL is the newest one, which is valid until it is replaced.
    valid_until INTEGER,
    PRIMARY KEY (connection, digest)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX shared_secrets_newest ON shared_secrets (connection) WHERE valid_until IS NULL;

-- What a process has done about API keys that no connection has, as JSON; NULL while `ingest.registration` is closed.
ALTER TABLE processes ADD COLUMN registrations TEXT;
