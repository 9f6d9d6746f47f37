SELECT 'public.dr_canary' AS "table", c.seq AS id, ('x' || left(md5(c::text), 16))::bit(64)::bigint AS digest
FROM public.dr_canary AS c
WHERE c.seq = %(seq)s
