-- The largest table of this database with a file of its own in the data directory; never the canary, which tells the loss.
SELECT
    c.oid::regclass::text AS name,
    pg_relation_filepath(c.oid) AS path,
    current_setting('block_size')::int AS page_bytes,
    (pg_relation_size(c.oid) / current_setting('block_size')::int)::int AS pages
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
    AND c.relpersistence = 'p'
    AND c.reltablespace = 0
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg\_%'
    AND c.relname NOT LIKE '%canary%'
    AND pg_relation_filepath(c.oid) LIKE 'base/%'
ORDER BY pages DESC, name
LIMIT 1
