-- What of this database could act on others, or by itself: kind, name, and whether it still can.
SELECT 'subscription' AS kind, subname::text AS name, subenabled OR subslotname IS NOT NULL AS active
FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION ALL
SELECT 'event trigger', evtname::text, evtenabled <> 'D' FROM pg_event_trigger
UNION ALL
SELECT 'user mapping', format('%s for %s', srvname, usename), true FROM pg_user_mappings
ORDER BY kind, name
