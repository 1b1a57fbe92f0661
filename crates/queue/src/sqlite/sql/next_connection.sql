SELECT connection FROM messages
WHERE ticket IS NULL AND lane = ?1 AND connection > ?2 AND format <= ?3
ORDER BY connection LIMIT 1
