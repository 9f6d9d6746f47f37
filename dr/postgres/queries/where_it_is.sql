-- Whether the server takes writes, and on which timeline it writes. What a session may do by default is of its role.
SELECT
    pg_is_in_recovery() AS in_recovery,
    clock_timestamp() AS now,
    current_setting('default_transaction_read_only') = 'on' AS read_only,
    CASE WHEN pg_is_in_recovery() THEN NULL
         ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS lsn
