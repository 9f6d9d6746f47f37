-- What PostgreSQL itself calls not valid, not checked or not filled. Since 18 a constraint may be meant not to hold.
SELECT
    'index' AS kind,
    format('%I.%I', n.nspname, c.relname) AS name,
    format('REINDEX INDEX CONCURRENTLY %I.%I;', n.nspname, c.relname) AS mend
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready AND i.indislive) AND c.relpersistence <> 't'
UNION ALL
SELECT
    'constraint',
    format('%I.%I: %I', n.nspname, c.relname, con.conname),
    format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I;', n.nspname, c.relname, con.conname)
FROM pg_constraint AS con
JOIN pg_class AS c ON c.oid = con.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT con.convalidated AND coalesce((to_jsonb(con) ->> 'conenforced')::boolean, true) AND c.relpersistence <> 't'
UNION ALL
SELECT
    'materialized view',
    format('%I.%I', n.nspname, c.relname),
    format('REFRESH MATERIALIZED VIEW %I.%I;', n.nspname, c.relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated
ORDER BY 1, 2
