SELECT seq, committed_at FROM dr_canary
WHERE %(up_to)s::bigint IS NULL OR seq <= %(up_to)s::bigint
ORDER BY seq DESC LIMIT 1
