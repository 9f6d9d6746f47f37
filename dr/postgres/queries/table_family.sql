-- A table with everything that inherits from it, partitions included, parents first.
WITH RECURSIVE family (oid, depth) AS (
    SELECT %(oid)s::oid, 0
    UNION
    SELECT i.inhrelid, f.depth + 1 FROM pg_inherits AS i JOIN family AS f ON i.inhparent = f.oid
)
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relispartition AS partition
FROM (SELECT oid, max(depth) AS depth FROM family GROUP BY oid) AS f
JOIN pg_class AS c ON c.oid = f.oid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY f.depth, c.oid
