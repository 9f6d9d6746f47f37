-- What works by itself in this database, beside pg_cron's jobs: subscriptions, and whether they are enabled.
SELECT format('subscription %s', subname) AS name, subenabled AS active
FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1
