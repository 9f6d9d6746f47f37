-- Roles that people made, and who is in which; PostgreSQL's own roles come with every server.
SELECT 'role' AS kind, rolname::text AS name FROM pg_roles WHERE rolname !~ '^pg_'
UNION ALL
SELECT 'membership', format('%s in %s', pg_get_userbyid(member), pg_get_userbyid(roleid))
FROM pg_auth_members
WHERE pg_get_userbyid(member) !~ '^pg_'
ORDER BY 1, 2
