SET ROLE shop_owner;
INSERT INTO shop.tenants (id, name, plan, created_at)
SELECT
    i,
    (ARRAY['Müller & Söhne', 'Łódź Trading', '東京商店', 'O''Brien; "Quoted" \ Ltd', 'Ελληνικά 🧿'])[1 + i % 5] || ' ' || i,
    CASE WHEN i % 7 = 0 THEN 'enterprise' ELSE 'standard' END,
    current_setting('demo.begin')::timestamptz - i * interval '1 day'
FROM generate_series(1, 50) AS i;
SELECT setval(pg_get_serial_sequence('shop.tenants', 'id'), 50);
INSERT INTO shop.users (id, tenant_id, email, full_name, deactivated_at, changed_at) OVERRIDING SYSTEM VALUE
SELECT
    i,
    1 + (i * 7 % 50),
    'User.' || i || '@Beispiel-' || (i % 50) || '.example',
    'Nutzer Ñandú ' || left(md5(i::text), 10),
    CASE WHEN i % 20 = 0 THEN current_setting('demo.begin')::timestamptz + i * interval '1 second' END,
    current_setting('demo.begin')::timestamptz
FROM generate_series(1, current_setting('demo.users')::bigint) AS i;
SELECT setval(pg_get_serial_sequence('shop.users', 'id'), current_setting('demo.users')::bigint);
INSERT INTO shop.sessions SELECT md5('session' || i), i FROM generate_series(1, 200) AS i;
INSERT INTO shop."Größen ""XL"" Übersicht"
SELECT 'Straße ' || i || E'\twith a tab, a \\ and a\nline break', i / 7.0, DATE '2024-02-29' + i
FROM generate_series(1, 100) AS i;
INSERT INTO shop.audit
SELECT
    current_setting('demo.begin')::timestamptz + i * interval '1 minute', 1 + i % 50, 'signed in from ' || md5(i::text)
FROM generate_series(1, 1000 + current_setting('demo.users')::bigint) AS i;
CREATE INDEX audit_at ON shop.audit (at) TABLESPACE fast_disk;
