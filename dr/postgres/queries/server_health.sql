-- What is asked of a server that may be ill: nothing that takes a lock or reads a table of the product's.
SELECT current_setting('server_version') AS version,
       pg_is_in_recovery() AS standby,
       read_only.setting = 'on' AND NOT read_only.ours AS read_only,
       read_only.setting = 'on' AND read_only.ours AS we_read_only,
       current_setting('max_connections')::int AS allowed,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       (SELECT coalesce(sum(checksum_failures), 0)::bigint FROM pg_stat_database) AS damaged_pages,
       (SELECT coalesce(string_agg(coalesce(datname, 'shared catalogs'), ', ' ORDER BY datname), '')
          FROM pg_stat_database WHERE checksum_failures > 0) AS damaged_in
  -- A role that makes backups is often kept from writing, which says nothing of the product's.
  FROM (SELECT setting, source IN ('user', 'database user', 'client', 'session') AS ours
          FROM pg_settings WHERE name = 'default_transaction_read_only') AS read_only
