-- The orders of one customer and their lines, each with the digest of its content, as they were acknowledged.
WITH theirs AS (
    SELECT o.id, o.placed_at, o.tableoid, o::text AS content FROM shop.orders AS o WHERE o.reference LIKE %(run)s || '-%%'
)
SELECT w.tableoid::regclass::text AS "table", w.id, ('x' || left(md5(w.content), 16))::bit(64)::bigint AS digest
FROM (
    SELECT tableoid, id, content FROM theirs
    UNION ALL
    SELECT l.tableoid, l.order_id, l::text FROM shop.order_lines AS l JOIN theirs AS t ON t.id = l.order_id
) AS w
