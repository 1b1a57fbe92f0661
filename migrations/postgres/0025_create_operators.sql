-- Operators of the HTTP API. A token is 256 random bits, so a plain digest of it tells nothing about it.
CREATE TABLE operators (
    name text PRIMARY KEY,
    role text NOT NULL,
    -- Ids as a JSON array; NULL: every connection.
    connections text,
    -- NULL once it is revoked.
    token_digest bytea UNIQUE,
    created_at bigint NOT NULL,
    last_used_at bigint,
    revoked_at bigint
);

-- Acts that were asked for with an Idempotency-Key, and their answers, for a day. Digests are keyed.
CREATE TABLE idempotency_keys (
    operator text NOT NULL,
    key_digest bytea NOT NULL,
    request_digest bytea NOT NULL,
    -- Of the request that carries it out: a later one may take over what was never finished.
    owner uuid NOT NULL,
    begun_at bigint NOT NULL,
    -- NULL while it is under way.
    status integer,
    -- NULL where the answer is not kept.
    body text,
    PRIMARY KEY (operator, key_digest)
);

CREATE INDEX idempotency_keys_begun_at ON idempotency_keys (begun_at);

-- What an act was about and how it ended. A connection of 0 is none.
ALTER TABLE audit ADD COLUMN selector text;
ALTER TABLE audit ADD COLUMN reason text;
ALTER TABLE audit ADD COLUMN result text;
ALTER TABLE audit ADD COLUMN number bigint;

CREATE INDEX audit_at ON audit (at, id);

-- The audit is append only.
CREATE FUNCTION refuse_to_change_the_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append only';
END
$$;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_audit();
