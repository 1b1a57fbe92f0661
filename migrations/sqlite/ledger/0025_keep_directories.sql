-- The affiliates of a connection's account, as Refersion listed them: what spares a search for people who have none. Of a
-- person there is nothing but the keyed digest of the address; like tombstones, rows outlive a delete.
CREATE TABLE directory (
    connection INTEGER NOT NULL,
    code TEXT NOT NULL,
    address BLOB,
    -- The numeric id, as far as a webhook named it.
    affiliate INTEGER,
    status TEXT,
    -- When Refersion was asked that named it last.
    seen_at INTEGER NOT NULL,
    -- When the pass of a walk began that met it last; 0 if none has.
    pass INTEGER NOT NULL,
    PRIMARY KEY (connection, code)
) STRICT, WITHOUT ROWID;

CREATE INDEX directory_address ON directory (connection, address);

-- One row for each connection whose affiliates were asked for: the walk that is wanted, the one under way, the last one.
CREATE TABLE directories (
    connection INTEGER PRIMARY KEY,
    asked TEXT,
    walk TEXT,
    finished TEXT,
    complete_since INTEGER
) STRICT;

-- Affiliates that differ from what they were sent, by the names of the fields; of the last comparison.
CREATE TABLE drift (
    connection INTEGER NOT NULL,
    code TEXT NOT NULL,
    address BLOB,
    fields TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    PRIMARY KEY (connection, code)
) STRICT, WITHOUT ROWID;

-- The custom fields of a connection's account, as webhooks name them.
CREATE TABLE custom_fields (
    connection INTEGER NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (connection, id)
) STRICT, WITHOUT ROWID;

-- What Refersion signs its webhooks with, encrypted.
CREATE TABLE webhook_secrets (
    connection INTEGER PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    digest BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
