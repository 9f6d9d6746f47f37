-- Collations that users' columns or indexes are sorted by, and whose version is not the one that is installed now.
SELECT
    format('%I.%I', n.nspname, k.collname) AS name,
    k.collversion AS was,
    pg_collation_actual_version(k.oid) AS now,
    format('REINDEX what uses it; ALTER COLLATION %I.%I REFRESH VERSION;', n.nspname, k.collname) AS mend
FROM pg_collation AS k
JOIN pg_namespace AS n ON n.oid = k.collnamespace
WHERE k.collversion IS NOT NULL
    AND (
        EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            JOIN pg_class AS c ON c.oid = a.attrelid
            JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
            WHERE a.attcollation = k.oid AND NOT a.attisdropped
                AND cn.nspname NOT LIKE 'pg\_%' AND cn.nspname <> 'information_schema'
        )
        OR EXISTS (
            SELECT 1
            FROM pg_index AS i
            JOIN pg_class AS c ON c.oid = i.indexrelid
            JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
            WHERE k.oid = ANY (i.indcollation::oid[])
                AND cn.nspname NOT LIKE 'pg\_%' AND cn.nspname <> 'information_schema'
        )
    )
    AND k.collversion IS DISTINCT FROM pg_collation_actual_version(k.oid)
ORDER BY 1
