-- Every numeric column that a sequence feeds, by owning it or by its default. One that goes round may stand anywhere.
WITH fed AS (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number
    FROM pg_depend AS d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, def.adrelid, def.adnum
    FROM pg_depend AS d
    JOIN pg_attrdef AS def ON def.oid = d.objid
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
)
SELECT
    sn.nspname AS sequence_schema,
    s.relname AS sequence_name,
    tn.nspname AS table_schema,
    t.relname AS table_name,
    a.attname AS column_name,
    q.seqincrement AS increment,
    t.relpages AS pages
FROM fed
JOIN pg_class AS s ON s.oid = fed.sequence AND s.relkind = 'S' AND s.relpersistence <> 't'
JOIN pg_namespace AS sn ON sn.oid = s.relnamespace
JOIN pg_sequence AS q ON q.seqrelid = s.oid
JOIN pg_class AS t ON t.oid = fed.relation AND t.relkind IN ('r', 'p')
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = fed.number AND NOT a.attisdropped
WHERE NOT q.seqcycle
    AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
ORDER BY pages, 1, 2, 5
