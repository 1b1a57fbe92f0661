SELECT messages.id, events, handed_out, lost, body
FROM messages JOIN bodies ON bodies.message = messages.id
WHERE ticket IS NULL AND lane = ?1 AND connection = ?2 AND format <= ?3
ORDER BY messages.id
