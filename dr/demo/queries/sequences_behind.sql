-- Per column that a sequence feeds, the question whether the sequence would give a number that is taken already.
SELECT
    format('%I.%I', sn.nspname, s.relname) AS sequence,
    format(
        'SELECT last_value < coalesce((SELECT max(%I) FROM %I.%I), 0) AS behind, last_value FROM %I.%I',
        a.attname, tn.nspname, t.relname, sn.nspname, s.relname
    ) AS statement
FROM pg_depend AS d
JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_namespace AS sn ON sn.oid = s.relnamespace
JOIN pg_class AS t ON t.oid = d.refobjid
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass
    AND d.refclassid = 'pg_class'::regclass
    AND d.deptype IN ('a', 'i')
    AND sn.nspname IN ('shop', 'public')
UNION ALL
SELECT
    'shop.invoice_number',
    'SELECT last_value < coalesce((SELECT max(invoice) FROM shop.orders), 0) AS behind, last_value FROM shop.invoice_number'
ORDER BY 1
