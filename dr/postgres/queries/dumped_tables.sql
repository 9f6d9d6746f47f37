-- The tables that a complete dump must create: ordinary and partitioned ones that no extension owns.
-- Line breaks in names become spaces, as pg_dump writes them in its comments.
SELECT
    translate(n.nspname || '.' || c.relname, E'\n\r', '  ') AS name,
    c.relkind = 'r' AS has_rows,
    greatest(c.reltuples, 0)::bigint AS estimate
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
    AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%'
    AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT 1
        FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY 1
