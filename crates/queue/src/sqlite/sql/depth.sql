SELECT events FROM totals ORDER BY lane
