UPDATE messages SET ticket = ?1, handed_out = handed_out + 1 WHERE id = ?2
