UPDATE messages SET ticket = NULL WHERE ticket = ?1
