-- Everything that a restored database has beside its rows, as (kind, name, what), without OIDs: they may differ.
WITH ours AS (
    SELECT c.*, n.nspname || '.' || c.relname AS full_name
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('shop', 'public')
)
SELECT
    'role' AS kind,
    rolname::text AS name,
    (to_jsonb(a) - 'oid' - 'rolpassword')::text || ' ' || md5(coalesce(rolpassword, '')) AS what
FROM pg_authid AS a
WHERE rolname !~ '^pg_'
UNION ALL
SELECT 'membership', m.member::regrole::text, m.roleid::regrole || ' admin ' || m.admin_option
FROM pg_auth_members AS m
WHERE m.member::regrole::text !~ '^pg_'
UNION ALL
SELECT
    'setting',
    coalesce(s.setrole::regrole::text, '') || ' in ' || coalesce((SELECT datname FROM pg_database WHERE oid = s.setdatabase), ''),
    s.setconfig::text
FROM pg_db_role_setting AS s
UNION ALL
SELECT 'database', d.datname::text, d.datdba::regrole || ' ' || coalesce(d.datacl::text, '') || ' ' || pg_encoding_to_char(d.encoding)
FROM pg_database AS d
WHERE d.datname = current_database()
UNION ALL
SELECT 'tablespace', t.spcname::text, t.spcowner::regrole || ' ' || coalesce(t.spcacl::text, '')
FROM pg_tablespace AS t
UNION ALL
SELECT 'schema', n.nspname::text, n.nspowner::regrole || ' ' || coalesce(n.nspacl::text, '')
FROM pg_namespace AS n
WHERE n.nspname IN ('shop', 'public')
UNION ALL
SELECT
    'relation',
    c.full_name,
    concat_ws(' ',
        c.relkind, c.relpersistence, c.relowner::regrole, c.relacl::text, c.relrowsecurity, c.relforcerowsecurity,
        c.reloptions::text, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid), t.spcname,
        CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END)
FROM ours AS c
LEFT JOIN pg_tablespace AS t ON t.oid = c.reltablespace
UNION ALL
SELECT
    'column',
    c.full_name || '.' || a.attname,
    concat_ws(' ',
        a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attstorage,
        a.attacl::text, pg_get_expr(d.adbin, d.adrelid))
FROM ours AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT 'index', c.full_name, pg_get_indexdef(c.oid) || ' ' || i.indisvalid || ' ' || i.indisprimary
FROM ours AS c
JOIN pg_index AS i ON i.indexrelid = c.oid
UNION ALL
SELECT 'constraint', coalesce(c.full_name, k.contypid::regtype::text) || ' ' || k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint AS k
LEFT JOIN ours AS c ON c.oid = k.conrelid
WHERE k.connamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('shop', 'public'))
UNION ALL
SELECT 'trigger', c.full_name || ' ' || g.tgname, concat_ws(' ', pg_get_triggerdef(g.oid), g.tgenabled)
FROM pg_trigger AS g
JOIN ours AS c ON c.oid = g.tgrelid
WHERE NOT g.tgisinternal
UNION ALL
SELECT 'policy', schemaname || '.' || tablename || ' ' || policyname, to_jsonb(p)::text
FROM pg_policies AS p
UNION ALL
SELECT 'function', p.oid::regprocedure::text, p.proowner::regrole || ' ' || coalesce(p.proacl::text, '') || ' ' || pg_get_functiondef(p.oid)
FROM pg_proc AS p
WHERE p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('shop', 'public'))
UNION ALL
SELECT
    'type',
    t.oid::regtype::text,
    concat_ws(' ',
        t.typtype, t.typowner::regrole, t.typacl::text, t.typnotnull, t.typbasetype::regtype,
        (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid))
FROM pg_type AS t
WHERE t.typtype IN ('e', 'd') AND t.typnamespace = 'shop'::regnamespace
UNION ALL
SELECT 'sequence', schemaname || '.' || sequencename, (to_jsonb(s) - 'last_value')::text
FROM pg_sequences AS s
UNION ALL
SELECT 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
FROM pg_description AS d
WHERE d.objoid >= 16384
UNION ALL
SELECT 'comment', pg_describe_object(d.classoid, d.objoid, 0), d.description
FROM pg_shdescription AS d
WHERE d.objoid >= 16384
UNION ALL
SELECT 'default rights', concat_ws(' ', d.defaclnamespace::regnamespace, d.defaclobjtype), d.defaclacl::text
FROM pg_default_acl AS d
UNION ALL
SELECT 'large object', m.oid::text, m.lomowner::regrole || ' ' || coalesce(m.lomacl::text, '')
FROM pg_largeobject_metadata AS m
