SELECT
    d.datname AS name,
    pg_encoding_to_char(d.encoding) AS encoding,
    d.datcollate AS "collate",
    d.datctype AS ctype,
    pg_get_userbyid(d.datdba) AS owner
FROM pg_database AS d
WHERE d.datname = current_database()
