-- Asked right after a base backup has ended: the moment, and the first transaction that has begun since.
SELECT
    clock_timestamp() AS server_end,
    pg_snapshot_xmax(pg_current_snapshot())::text AS next_xid
