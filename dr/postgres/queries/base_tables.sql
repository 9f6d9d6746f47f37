-- Every ordinary table of users in this database, for reading it through.
SELECT
    n.nspname AS schema,
    c.relname AS name,
    translate(n.nspname || '.' || c.relname, E'\n\r', '  ') AS shown,
    t.relname AS toast
FROM pg_class AS c
LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
    AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%'
    AND n.nspname <> 'information_schema'
ORDER BY 1, 2
