-- Numbers come from settings of the session; every value is a function of the row's number, so loads are repeatable.
SET ROLE shop_owner;
INSERT INTO shop.orders (id, tenant_id, user_id, reference, state, placed_at, invoice, note) OVERRIDING SYSTEM VALUE
SELECT
    i,
    1 + (i * 7 % 50),
    1 + (i * 31 % current_setting('demo.users')::bigint),
    'old-' || lpad(i::text, 8, '0'),
    (enum_range(NULL::shop.order_state))[1 + (i % 4)],
    current_setting('demo.begin')::timestamptz + i * current_setting('demo.step')::interval,
    nextval('shop.invoice_number'),
    CASE WHEN i % 5 = 0 THEN 'bitte klingeln – ' || md5(i::text) END
FROM generate_series(1, current_setting('demo.orders')::bigint) AS i;
SELECT setval(pg_get_serial_sequence('shop.orders', 'id'), current_setting('demo.orders')::bigint);
ALTER TABLE shop.orders ADD PRIMARY KEY (id, placed_at);
ALTER TABLE shop.orders ADD UNIQUE (reference, placed_at);
