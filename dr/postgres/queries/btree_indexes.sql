-- B-tree indexes that should be whole, with their tables; those of temporary and foreign relations are left out.
SELECT n.nspname AS definition_schema, t.relname AS table_name, i.indexrelid AS index_oid,
       format('%I.%I', n.nspname, c.relname) AS index_name, format('%I.%I', n.nspname, t.relname) AS table_shown
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_am a ON a.oid = c.relam
WHERE a.amname = 'btree' AND i.indisvalid AND i.indisready AND t.relkind IN ('r', 'm') AND t.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_toast', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
ORDER BY index_name
