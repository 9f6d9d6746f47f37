SELECT
    current_setting('server_version_num')::int AS version,
    pg_is_in_recovery() AS in_recovery,
    current_database() AS database,
    current_user AS role,
    r.rolsuper AS superuser,
    r.rolreplication OR r.rolsuper AS replication,
    current_setting('data_checksums') = 'on' AS data_checksums,
    current_setting('wal_level') AS wal_level,
    pg_database_size(current_database()) AS database_bytes,
    (SELECT b.rolname FROM pg_roles AS b WHERE b.oid = 10) AS bootstrap_superuser,
    coalesce(current_setting('coreflow360_dr.exercise', true), '') AS exercise
FROM pg_roles AS r
WHERE r.rolname = current_user
