-- Triggers that people made on these tables; those that came from a parent go with it.
SELECT t.tgname AS name, n.nspname AS schema, c.relname AS "table"
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgrelid = ANY (%(tables)s::oid[])
