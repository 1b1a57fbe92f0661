UPDATE messages SET ticket = NULL WHERE ticket = ?1 AND id = ?2
