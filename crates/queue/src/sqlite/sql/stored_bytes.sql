SELECT sum(bytes) FROM totals
