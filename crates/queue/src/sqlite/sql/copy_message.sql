INSERT INTO messages (lane, format, events, bytes, handed_out, lost)
SELECT lane, format, 1, ?1, handed_out, lost FROM messages WHERE id = ?2
