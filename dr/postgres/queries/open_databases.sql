-- Databases that take this role's connections, its own first.
SELECT datname
FROM pg_database
WHERE datallowconn AND NOT datistemplate AND has_database_privilege(datname, 'CONNECT')
ORDER BY datname = current_database() DESC, datname
