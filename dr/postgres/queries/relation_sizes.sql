-- Ordinary tables, the smallest first by what the planner thinks: that waits for no lock. Names as a dump writes them.
SELECT
    translate(n.nspname || '.' || c.relname, E'\n\r', '  ') AS name,
    n.nspname AS schema,
    c.relname AS relation,
    c.relpages::bigint AS pages,
    c.relpersistence = 'u' AS unlogged
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY pages, name
