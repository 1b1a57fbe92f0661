DELETE FROM tickets WHERE expires_at <= ?1 OR expires_at > ?2
