-- Three people and an office. Passwords come from settings of this session, so that no file and no argv holds them.
-- The backup role is no superuser: it may replicate, read every table, see through row security, and read the
-- large objects of others (before PostgreSQL 19 pg_read_all_data does not cover those).
DO $roles$
BEGIN
    EXECUTE format('ALTER ROLE postgres PASSWORD %L', current_setting('demo.postgres'));
    EXECUTE format('CREATE ROLE shop_owner LOGIN CONNECTION LIMIT 50 PASSWORD %L', current_setting('demo.shop_owner'));
    EXECUTE format('CREATE ROLE reader LOGIN PASSWORD %L', current_setting('demo.reader'));
    EXECUTE format('CREATE ROLE backup LOGIN REPLICATION BYPASSRLS PASSWORD %L', current_setting('demo.backup'));
END
$roles$;
GRANT pg_read_all_data TO backup;
ALTER ROLE backup SET lo_compat_privileges = on;
CREATE ROLE "büro_münchen" NOLOGIN;
GRANT "büro_münchen" TO shop_owner;
ALTER ROLE reader SET statement_timeout = '5min';
COMMENT ON ROLE reader IS 'Liest für Auswertungen, schreibt nie';
