-- One order with its lines; every row comes back as its table, its number and the digest of its content.
WITH new_order AS (
    INSERT INTO shop.orders AS o (tenant_id, user_id, reference, placed_at, invoice, note)
    SELECT
        u.tenant_id, u.id, %(reference)s, clock_timestamp(), nextval('shop.invoice_number'),
        'Bestellung – ' || %(reference)s
    FROM shop.users AS u
    WHERE u.id = %(user_id)s
    RETURNING o.id, o.placed_at, o.tableoid, o::text AS content
), new_lines AS (
    INSERT INTO shop.order_lines AS l (order_id, placed_at, line_no, product, quantity, price_cents)
    SELECT o.id, o.placed_at, n, 'article ' || md5(o.id::text || n), 1 + n, 1999 + o.id %% 500
    FROM new_order AS o, generate_series(1, %(lines)s) AS n
    RETURNING l.order_id, l.tableoid, l::text AS content
)
SELECT w.tableoid::regclass::text AS "table", w.id, ('x' || left(md5(w.content), 16))::bit(64)::bigint AS digest
FROM (
    SELECT tableoid, id, content FROM new_order
    UNION ALL
    SELECT tableoid, order_id, content FROM new_lines
) AS w
