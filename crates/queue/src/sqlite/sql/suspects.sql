-- A body that cannot be taken apart counts as one event from then on, and is not found again.
SELECT messages.id, body FROM messages JOIN bodies ON bodies.message = messages.id
WHERE ticket IS NULL AND lost >= ?1 AND events > 1 AND format <= ?2
LIMIT 16
