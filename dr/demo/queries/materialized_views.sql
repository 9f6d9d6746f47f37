-- Those that hold rows; one that came back without is as good as missing.
SELECT n.nspname AS schema, c.relname AS name, n.nspname || '.' || c.relname AS shown
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated AND n.nspname NOT LIKE 'pg\_%'
