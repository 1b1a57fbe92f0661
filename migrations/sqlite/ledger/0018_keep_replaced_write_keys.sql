-- Write keys that were replaced and are still valid for a while. The newest stands in the connection's row.
CREATE TABLE replaced_write_keys (
    write_key TEXT PRIMARY KEY,
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    valid_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
