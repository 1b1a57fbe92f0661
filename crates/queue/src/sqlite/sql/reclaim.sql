UPDATE messages SET ticket = NULL, lost = lost + 1 WHERE ticket IS NOT NULL
