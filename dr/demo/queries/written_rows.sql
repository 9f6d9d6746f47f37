-- What a writer's run has left: its orders, and the canary rows of all runs.
SELECT o.tableoid::regclass::text AS "table", o.id, ('x' || left(md5(o::text), 16))::bit(64)::bigint AS digest
FROM shop.orders AS o
WHERE o.reference LIKE %(run)s || '-%%'
UNION ALL
SELECT 'public.dr_canary', c.seq, ('x' || left(md5(c::text), 16))::bit(64)::bigint
FROM public.dr_canary AS c
