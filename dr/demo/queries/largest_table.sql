-- The largest table that the writer does not touch: a month that is over, or anything outside orders and lines.
SELECT
    c.oid::regclass::text AS name,
    pg_relation_filepath(c.oid) AS path,
    current_setting('block_size')::int AS page_bytes,
    (pg_relation_size(c.oid) / current_setting('block_size')::int)::int AS pages
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
LEFT JOIN pg_class AS parent ON parent.oid = i.inhparent
WHERE n.nspname = 'shop'
    AND c.relkind = 'r'
    AND c.relpersistence = 'p'
    AND c.reltablespace = 0
    AND (i.inhrelid IS NULL OR c.relname < parent.relname || to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM'))
ORDER BY pages DESC, name
LIMIT 1
