-- Which relation lies in which file of the data directory, for naming a file that is damaged.
SELECT
    pg_relation_filepath(c.oid) AS path,
    format('%I.%I', n.nspname, c.relname) AS shown,
    CASE
        WHEN n.nspname = 'pg_catalog' THEN 'system catalog'
        WHEN c.relkind = 'i' AND n.nspname <> 'pg_toast' THEN 'index'
        WHEN n.nspname = 'pg_toast' THEN 'long values of a table'
        ELSE 'table'
    END AS what
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE pg_relation_filepath(c.oid) IS NOT NULL
