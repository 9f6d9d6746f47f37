SELECT
    d.datname AS name,
    pg_encoding_to_char(d.encoding) AS encoding,
    d.datcollate AS "collate",
    d.datctype AS ctype,
    pg_get_userbyid(d.datdba) AS owner,
    (SELECT jsonb_object_agg(extname, extversion) FROM pg_extension) AS extensions
FROM pg_database AS d
WHERE d.datname = current_database()
