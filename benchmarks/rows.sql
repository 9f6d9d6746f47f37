-- One batch of :documents documents, and twice as many accounts and orders.
WITH picked AS MATERIALIZED (
    SELECT (random() * 49999)::int AS a, (random() * 49999)::int AS b, (random() * 49999)::int AS c
    FROM generate_series(1, :documents)
)
INSERT INTO documents (tenant, created, title, body, details)
SELECT (random() * 500)::int,
       timestamptz '2024-01-01 00:00:00+00' + random() * interval '700 days',
       initcap(left(first.line, 40)),
       first.line || '. ' || second.line || '. ' || third.line || '.',
       jsonb_build_object(
           'id', gen_random_uuid(), 'tags', jsonb_build_array(left(second.line, 8), left(third.line, 8)),
           'price', round((random() * 1000)::numeric, 2), 'stock', (random() * 100)::int, 'digest', md5(random()::text)
       )
FROM picked
JOIN sentences AS first ON first.n = picked.a
JOIN sentences AS second ON second.n = picked.b
JOIN sentences AS third ON third.n = picked.c;

INSERT INTO accounts (branch, balance, filler)
SELECT (random() * 1000)::int, (random() * 200000)::int - 100000, ''
FROM generate_series(1, :documents * 2);

INSERT INTO orders (account, placed, amount, currency, reference)
SELECT (random() * 1000000)::int,
       timestamptz '2024-01-01 00:00:00+00' + random() * interval '700 days',
       round((random() * 5000)::numeric, 2),
       (ARRAY ['EUR', 'USD', 'GBP', 'CHF'])[1 + (random() * 3)::int],
       md5(random()::text)
FROM generate_series(1, :documents * 2);
