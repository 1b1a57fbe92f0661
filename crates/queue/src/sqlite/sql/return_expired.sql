-- A ticket that ends later than any can was written before the clock was set back.
UPDATE messages SET ticket = NULL, lost = lost + 1
WHERE ticket IN (SELECT id FROM tickets WHERE expires_at <= ?1 OR expires_at > ?2)
