-- Generated columns that do not say what their expression says.
SELECT
    (SELECT count(*) FROM shop.order_lines WHERE total_cents IS DISTINCT FROM quantity::bigint * price_cents)
    + (SELECT count(*) FROM shop.users WHERE email_key IS DISTINCT FROM lower(email)) AS n
