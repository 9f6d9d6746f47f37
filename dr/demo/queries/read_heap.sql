-- Plans that answer from an index would not see a damaged heap page.
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off
