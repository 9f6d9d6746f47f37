-- What may only be asked of a primary, or only of a standby, is asked of the right one: the other answers with an error.
WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS server_time, pg_is_in_recovery() AS standby)
SELECT moment.server_time,
       moment.standby,
       (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       current_setting('server_version_num')::int / 10000 AS major,
       current_setting('synchronous_standby_names') AS synchronous_standby_names,
       CASE WHEN moment.standby
            THEN GREATEST((SELECT timeline_id FROM pg_control_checkpoint()),
                          (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
                          (SELECT received_tli FROM pg_stat_wal_receiver))
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
       END AS timeline,
       CASE WHEN moment.standby THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_flush_lsn() END::text AS received,
       CASE WHEN moment.standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END::text AS replayed,
       CASE WHEN moment.standby THEN pg_last_xact_replay_timestamp() END AS last_commit,
       CASE WHEN moment.standby THEN pg_get_wal_replay_pause_state() <> 'not paused' ELSE false END AS paused,
       EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS streaming,
       current_setting('data_directory') AS directory,
       pg_postmaster_start_time() AS started
  FROM moment
