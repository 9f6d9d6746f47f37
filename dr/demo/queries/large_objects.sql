-- Count and content of all large objects, digested as tables are.
SELECT
    count(*) AS n,
    coalesce(sum(('x' || left(md5(m.oid::text || ':' || encode(lo_get(m.oid), 'hex')), 16))::bit(64)::bigint::numeric), 0)::text AS d
FROM pg_largeobject_metadata AS m
