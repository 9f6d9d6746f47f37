-- What is read to see whether it can be: tables of users, their TOAST tables, and system catalogs; small ones first.
SELECT
    c.oid::bigint AS oid,
    n.nspname AS schema,
    c.relname AS name,
    format('%I.%I', n.nspname, c.relname) AS shown,
    CASE
        WHEN n.nspname = 'pg_catalog' THEN 'system catalog'
        WHEN c.relkind = 't' THEN 'long values of a table'
        ELSE 'table'
    END AS what,
    CASE WHEN t.oid IS NULL THEN '' ELSE format('%I.%I', tn.nspname, t.relname) END AS owner
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_class AS t ON t.reltoastrelid = c.oid
LEFT JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE c.relkind IN ('r', 'm', 't')
    AND c.relpersistence <> 't'
    AND (c.relkind <> 'm' OR c.relispopulated)
    AND NOT (c.relkind = 't' AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
    AND n.nspname <> 'information_schema'
    AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname = 'pg_catalog' DESC, c.relpages, c.oid
