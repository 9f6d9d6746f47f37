-- How values are written as text, exactly as dr.postgres.digests sets it, so that digests can be compared.
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET extra_float_digits = 3;
SET bytea_output = 'hex'
