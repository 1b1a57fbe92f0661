DELETE FROM messages WHERE ticket = ?1 AND id = ?2
