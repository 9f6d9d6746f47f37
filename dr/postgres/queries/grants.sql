-- Who may what in this database, beside owners: one line per object, role and right.
WITH listed AS (
    SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relowner AS owner, acl.*
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
    WHERE c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname), c.relowner, acl.*
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL aclexplode(a.attacl) AS acl
    WHERE c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT format('schema %I', n.nspname), n.nspowner, acl.*
    FROM pg_namespace AS n
    CROSS JOIN LATERAL aclexplode(n.nspacl) AS acl
    WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), p.proowner, acl.*
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL aclexplode(p.proacl) AS acl
    WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'the database', d.datdba, acl.*
    FROM pg_database AS d
    CROSS JOIN LATERAL aclexplode(d.datacl) AS acl
    WHERE d.datname = current_database()
)
SELECT DISTINCT format(
    '%s: %s may %s',
    name,
    CASE WHEN grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(grantee) END,
    privilege_type
) AS line
FROM listed
WHERE grantee <> owner
ORDER BY 1
