-- SHA-512 gives bytes that neither PostgreSQL nor the backup can compress, as uploaded files do.
SET ROLE shop_owner;
INSERT INTO shop.documents (id, tenant_id, title, body, attributes, content) OVERRIDING SYSTEM VALUE
SELECT
    i,
    1 + (i * 7 % 50),
    'Vertrag Nr. ' || i,
    repeat('Die Parteien vereinbaren Folgendes: ' || md5(i::text) || E'\n', 20),
    jsonb_build_object('pages', i % 40, 'tags', jsonb_build_array('tag' || i % 11, 'größe ' || i % 5), 'size', i * 1.5),
    (SELECT string_agg(sha512((i * 1000 + n)::text::bytea), ''::bytea) FROM generate_series(1, 128) AS n)
FROM generate_series(1, current_setting('demo.documents')::bigint) AS i;
SELECT setval(pg_get_serial_sequence('shop.documents', 'id'), current_setting('demo.documents')::bigint);
