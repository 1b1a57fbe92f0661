DELETE FROM tickets WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE ticket = ?1)
