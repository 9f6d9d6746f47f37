-- Tables of users with the columns that can be copied back (no generated ones), small ones first.
SELECT
    n.nspname AS schema,
    c.relname AS name,
    translate(n.nspname || '.' || c.relname, E'\n\r', '  ') AS shown,
    pg_relation_filepath(c.oid) AS path,
    coalesce(
        (
            SELECT array_agg(a.attname::text ORDER BY a.attnum)
            FROM pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        ), '{}'
    ) AS columns
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
    AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%'
    AND n.nspname <> 'information_schema'
ORDER BY c.relpages, n.nspname, c.relname
