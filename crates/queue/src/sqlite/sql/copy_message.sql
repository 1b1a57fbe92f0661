INSERT INTO messages (lane, connection, format, events, bytes, handed_out, lost)
SELECT lane, connection, format, 1, ?1, handed_out, lost FROM messages WHERE id = ?2
