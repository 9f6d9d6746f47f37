INSERT INTO dr_canary DEFAULT VALUES RETURNING seq, committed_at
