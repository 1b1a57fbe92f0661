INSERT INTO messages (lane, connection, format, events, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
