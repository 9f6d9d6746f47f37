-- Where the server is now. A standby shows what it has replayed, and the moment of that, unless it is level.
SELECT pg_is_in_recovery() AS standby,
       CASE WHEN NOT pg_is_in_recovery() THEN clock_timestamp()
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN clock_timestamp()
            ELSE pg_last_xact_replay_timestamp() END AS server_time,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text AS lsn,
       CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END AS timeline
