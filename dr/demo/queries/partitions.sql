-- One partition a month for the past year, this month and the next, and one for everything else.
SET ROLE shop_owner;
DO $months$
DECLARE
    parent text;
    month timestamptz;
BEGIN
    FOREACH parent IN ARRAY ARRAY['orders', 'order_lines'] LOOP
        FOR month IN
            SELECT generate_series(date_trunc('month', now(), 'UTC') - interval '11 months', now() + interval '2 months', '1 month')
        LOOP
            EXECUTE format(
                'CREATE TABLE shop.%I PARTITION OF shop.%I FOR VALUES FROM (%L) TO (%L)',
                parent || to_char(month AT TIME ZONE 'UTC', '_YYYY_MM'), parent, month, month + interval '1 month'
            );
        END LOOP;
        EXECUTE format('CREATE TABLE shop.%I PARTITION OF shop.%I DEFAULT', parent || '_other', parent);
    END LOOP;
END
$months$;
