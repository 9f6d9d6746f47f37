-- What is asked of a server that may be ill: nothing that takes a lock or reads a table of the product's.
SELECT current_setting('server_version') AS version,
       pg_is_in_recovery() AS standby,
       current_setting('default_transaction_read_only') = 'on' AS read_only,
       current_setting('max_connections')::int AS allowed,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       (SELECT coalesce(sum(checksum_failures), 0)::bigint FROM pg_stat_database) AS damaged_pages,
       (SELECT coalesce(string_agg(coalesce(datname, 'shared catalogs'), ', ' ORDER BY datname), '')
          FROM pg_stat_database WHERE checksum_failures > 0) AS damaged_in
