-- From PostgreSQL 15: databases whose text was sorted by another version of the collation than is installed now.
SELECT
    d.datname AS name,
    d.datcollversion AS was,
    pg_database_collation_actual_version(d.oid) AS now,
    format('REINDEX DATABASE %I; ALTER DATABASE %I REFRESH COLLATION VERSION;', d.datname, d.datname) AS mend
FROM pg_database AS d
WHERE d.datallowconn
    AND d.datcollversion IS NOT NULL
    AND d.datcollversion IS DISTINCT FROM pg_database_collation_actual_version(d.oid)
ORDER BY 1
