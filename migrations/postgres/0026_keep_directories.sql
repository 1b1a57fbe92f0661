-- The affiliates of a connection's account, as Refersion listed them: what spares a search for people who have none. Of a
-- person there is nothing but the keyed digest of the address; like tombstones, rows outlive a delete.
CREATE TABLE directory (
    connection bigint NOT NULL,
    code text NOT NULL,
    address bytea,
    -- The numeric id, as far as a webhook named it.
    affiliate bigint,
    status text,
    -- When Refersion was asked that named it last.
    seen_at bigint NOT NULL,
    -- When the pass of a walk began that met it last; 0 if none has.
    pass bigint NOT NULL,
    PRIMARY KEY (connection, code)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX directory_address ON directory (connection, address);

-- One row for each connection whose affiliates were asked for: the walk that is wanted, the one under way, the last one.
CREATE TABLE directories (
    connection bigint PRIMARY KEY,
    asked text,
    walk text,
    finished text,
    complete_since bigint
);

-- Affiliates that differ from what they were sent, by the names of the fields; of the last comparison.
CREATE TABLE drift (
    connection bigint NOT NULL,
    code text NOT NULL,
    address bytea,
    fields text NOT NULL,
    found_at bigint NOT NULL,
    PRIMARY KEY (connection, code)
);

-- The custom fields of a connection's account, as webhooks name them.
CREATE TABLE custom_fields (
    connection bigint NOT NULL,
    id bigint NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (connection, id)
);

-- What Refersion signs its webhooks with, encrypted.
CREATE TABLE webhook_secrets (
    connection bigint PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    digest bytea NOT NULL,
    sealed bytea NOT NULL
);
