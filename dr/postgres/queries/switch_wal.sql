-- The time is taken first: whatever was acknowledged by then lies before the switch.
WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS server_time)
SELECT moment.server_time, pg_switch_wal()::text AS lsn FROM moment
