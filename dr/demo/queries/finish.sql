-- Keys, rules and rights, added when the rows are there because that is faster.
SET ROLE shop_owner;
ALTER TABLE shop.users ADD PRIMARY KEY (id);
ALTER TABLE shop.users ADD FOREIGN KEY (tenant_id) REFERENCES shop.tenants;
CREATE UNIQUE INDEX users_login ON shop.users (tenant_id, email_key);
CREATE INDEX users_active ON shop.users (tenant_id) WHERE deactivated_at IS NULL;
CREATE TRIGGER users_note_change BEFORE INSERT OR UPDATE ON shop.users
    FOR EACH ROW EXECUTE FUNCTION shop.note_change();
ALTER TABLE shop.orders ADD FOREIGN KEY (tenant_id) REFERENCES shop.tenants;
ALTER TABLE shop.orders ADD FOREIGN KEY (user_id) REFERENCES shop.users;
ALTER TABLE shop.order_lines ADD FOREIGN KEY (order_id, placed_at) REFERENCES shop.orders;
ALTER TABLE shop.documents ADD PRIMARY KEY (id);
ALTER TABLE shop.documents ADD FOREIGN KEY (tenant_id) REFERENCES shop.tenants;
CREATE INDEX documents_attributes ON shop.documents USING gin (attributes);
ALTER TABLE shop.documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON shop.documents FOR SELECT TO reader
    USING (tenant_id = current_setting('shop.tenant', true)::int);
COMMENT ON POLICY own_tenant ON shop.documents IS 'A tenant sees its own documents only';
CREATE VIEW shop.active_users WITH (security_barrier) AS
    SELECT id, tenant_id, full_name FROM shop.users WHERE deactivated_at IS NULL;
CREATE MATERIALIZED VIEW shop.monthly_sales AS
    SELECT date_trunc('month', placed_at, 'UTC') AS month, count(*) AS lines, sum(total_cents) AS cents
    FROM shop.order_lines
    GROUP BY 1;
CREATE UNIQUE INDEX ON shop.monthly_sales (month);
GRANT USAGE ON SCHEMA shop TO reader;
GRANT SELECT ON shop.tenants, shop.users, shop.orders, shop.order_lines, shop.documents, shop.active_users TO reader;
GRANT SELECT (id, name) ON shop.attachments TO reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO reader;
ALTER DATABASE shop SET default_statistics_target = 50;
COMMENT ON DATABASE shop IS 'CoreFlow360 – demonstration';
