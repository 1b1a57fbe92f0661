DELETE FROM tickets WHERE id = ?1
