DELETE FROM messages WHERE ticket = ?1
