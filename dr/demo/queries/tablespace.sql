-- PostgreSQL itself quotes the directory; CREATE TABLESPACE takes no parameters.
SELECT format('CREATE TABLESPACE fast_disk OWNER shop_owner LOCATION %%L', %(directory)s::text) AS statement
