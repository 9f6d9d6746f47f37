SELECT seq, committed_at FROM dr_canary ORDER BY seq DESC LIMIT 1
