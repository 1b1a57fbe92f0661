SELECT at, file, rescued, unreadable FROM rescues ORDER BY id
