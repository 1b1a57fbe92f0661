-- Write keys that were replaced and are still valid for a while. The newest stands in the connection's row.
CREATE TABLE replaced_write_keys (
    write_key text PRIMARY KEY,
    connection bigint NOT NULL REFERENCES connections ON DELETE CASCADE,
    valid_until bigint NOT NULL
);
