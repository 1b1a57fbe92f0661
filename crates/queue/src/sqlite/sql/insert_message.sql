INSERT INTO messages (lane, format, events, bytes) VALUES (?1, ?2, ?3, ?4)
