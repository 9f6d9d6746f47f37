SET ROLE shop_owner;
INSERT INTO shop.order_lines (order_id, placed_at, line_no, product, quantity, price_cents)
SELECT
    i,
    current_setting('demo.begin')::timestamptz + i * current_setting('demo.step')::interval,
    n,
    'article ' || left(md5((i * 3 + n)::text), 12),
    1 + (i + n) % 9,
    99 + (i * 17 + n * 101) % 20000
FROM generate_series(1, current_setting('demo.orders')::bigint) AS i, generate_series(1, 3) AS n;
ALTER TABLE shop.order_lines ADD PRIMARY KEY (order_id, placed_at, line_no);
