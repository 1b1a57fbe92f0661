INSERT INTO tickets (expires_at) VALUES (?1)
