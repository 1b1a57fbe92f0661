INSERT INTO bodies (message, body) VALUES (?1, ?2)
