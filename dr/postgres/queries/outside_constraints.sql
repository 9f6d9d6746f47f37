-- Foreign keys between these tables and others, in either direction; those that came from a parent go with it.
SELECT con.conname AS name, n.nspname AS schema, c.relname AS "table"
FROM pg_constraint AS con
JOIN pg_class AS c ON c.oid = con.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE con.contype = 'f' AND con.conparentid = 0
  AND (con.conrelid = ANY (%(tables)s::oid[])) <> (con.confrelid = ANY (%(tables)s::oid[]))
