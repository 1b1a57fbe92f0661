SELECT body FROM bodies JOIN messages ON messages.id = bodies.message WHERE format <= ?1 ORDER BY messages.id LIMIT 1
