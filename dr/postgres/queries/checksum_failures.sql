-- Pages that failed their checksum when they were read, by database.
SELECT coalesce(datname, 'shared catalogs') AS database, checksum_failures AS count, checksum_last_failure AS last
FROM pg_stat_database
WHERE checksum_failures > 0
ORDER BY 1
