-- A shop as many products have it: documents with JSON, accounts padded as pgbench pads them, orders with references.
SELECT setseed(0.42);
CREATE TABLE sentences (n int PRIMARY KEY, line text NOT NULL);
CREATE TABLE documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant int NOT NULL,
    created timestamptz NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    details jsonb NOT NULL
);
CREATE INDEX ON documents (tenant);
CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    branch int NOT NULL,
    balance int NOT NULL,
    filler char(84) NOT NULL
);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account int NOT NULL,
    placed timestamptz NOT NULL,
    amount numeric NOT NULL,
    currency text NOT NULL,
    reference text NOT NULL
);

-- Enough different sentences that no compressor's window holds them all, from words that repeat as words do.
INSERT INTO sentences
SELECT n, string_agg(word, ' ')
FROM (
    SELECT n, left(md5((power(random(), 2) * 8000)::int::text), 2 + (random() * 7)::int) AS word
    FROM generate_series(0, 49999) AS n, generate_series(1, 14)
) AS words
GROUP BY n;
ANALYZE sentences;
