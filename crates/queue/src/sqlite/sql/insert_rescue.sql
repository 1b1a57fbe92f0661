INSERT INTO rescues (at, file, rescued, unreadable) VALUES (?1, ?2, ?3, ?4)
