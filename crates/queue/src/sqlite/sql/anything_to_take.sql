SELECT EXISTS (SELECT 1 FROM messages WHERE ticket IS NULL AND format <= ?1)
    OR EXISTS (SELECT 1 FROM tickets WHERE expires_at <= ?2 OR expires_at > ?3)
