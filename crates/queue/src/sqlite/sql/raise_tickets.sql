-- Tickets count on from a number that no ticket of the damaged file has reached.
INSERT INTO tickets (id, expires_at)
SELECT MAX(?1, COALESCE((SELECT seq + 1 FROM sqlite_sequence WHERE name = 'tickets'), 0)), 0
