SELECT slot_type,
       active,
       restart_lsn::text AS restart_lsn,
       wal_status,
       safe_wal_size,
       (SELECT CASE WHEN setting::bigint < 0 THEN NULL ELSE setting::bigint * 1024 * 1024 END
          FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_bytes
  FROM pg_replication_slots
 WHERE slot_name = %(slot)s
