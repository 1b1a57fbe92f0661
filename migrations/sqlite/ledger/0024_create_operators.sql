-- Operators of the HTTP API. A token is 256 random bits, so a plain digest of it tells nothing about it.
CREATE TABLE operators (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    -- Ids as a JSON array; NULL: every connection.
    connections TEXT,
    -- NULL once it is revoked.
    token_digest BLOB UNIQUE,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- Acts that were asked for with an Idempotency-Key, and their answers, for a day. Digests are keyed.
CREATE TABLE idempotency_keys (
    operator TEXT NOT NULL,
    key_digest BLOB NOT NULL,
    request_digest BLOB NOT NULL,
    -- Of the request that carries it out: a later one may take over what was never finished.
    owner BLOB NOT NULL,
    begun_at INTEGER NOT NULL,
    -- NULL while it is under way.
    status INTEGER,
    -- NULL where the answer is not kept.
    body TEXT,
    PRIMARY KEY (operator, key_digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_begun_at ON idempotency_keys (begun_at);

-- What an act was about and how it ended. A connection of 0 is none.
ALTER TABLE audit ADD COLUMN selector TEXT;
ALTER TABLE audit ADD COLUMN reason TEXT;
ALTER TABLE audit ADD COLUMN result TEXT;
ALTER TABLE audit ADD COLUMN number INTEGER;

CREATE INDEX audit_at ON audit (at, id);

-- The audit is append only.
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append only');
END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append only');
END;
