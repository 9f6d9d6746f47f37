-- The time is taken before the position: whatever was acknowledged by then lies before it.
WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS server_time, pg_is_in_recovery() AS standby)
SELECT moment.server_time,
       CASE WHEN moment.standby THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_flush_lsn() END::text AS lsn,
       CASE WHEN moment.standby
            THEN (SELECT received_tli FROM pg_stat_wal_receiver)
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
       END AS timeline,
       (SELECT slot.wal_status FROM pg_replication_slots AS slot WHERE slot.slot_name = %(slot)s) AS wal_status,
       (SELECT slot.safe_wal_size FROM pg_replication_slots AS slot WHERE slot.slot_name = %(slot)s) AS safe_wal_size,
       taker.sync_state,
       taker.write_lsn::text AS write_lsn
  FROM moment
  LEFT JOIN LATERAL (
       SELECT sync_state, write_lsn FROM pg_stat_replication
        WHERE application_name = %(slot)s AND state = 'streaming' LIMIT 1
  ) AS taker ON true
