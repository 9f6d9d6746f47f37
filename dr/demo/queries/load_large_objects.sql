SET ROLE shop_owner;
INSERT INTO shop.attachments (tenant_id, name, content)
SELECT
    i,
    'Scan – ' || i || '.tiff',
    lo_from_bytea(0, (
        SELECT string_agg(sha512((i * 7919 + n)::text::bytea), ''::bytea)
        FROM generate_series(1, 1 + current_setting('demo.large_object_bytes')::int / 64) AS n
    ))
FROM generate_series(1, 50) AS i;
DO $large$
DECLARE
    attachment record;
BEGIN
    FOR attachment IN SELECT id, content FROM shop.attachments ORDER BY id LIMIT 10 LOOP
        EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO reader', attachment.content);
        EXECUTE format('COMMENT ON LARGE OBJECT %s IS %L', attachment.content, 'Anhang ' || attachment.id);
    END LOOP;
END
$large$;
