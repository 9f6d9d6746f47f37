SET ROLE shop_owner;
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'Everything of the multi-tenant shop';
GRANT USAGE, CREATE ON SCHEMA shop TO "büro_münchen";
CREATE TYPE shop.order_state AS ENUM ('placed', 'paid', 'shipped', 'zurückgeschickt');
CREATE DOMAIN shop.email_address AS text CHECK (VALUE ~ '^[^@\s]+@[^@\s]+$');
CREATE SEQUENCE shop.invoice_number START 100000 INCREMENT 10;
CREATE FUNCTION shop.note_change() RETURNS trigger
    LANGUAGE plpgsql
AS $body$
DECLARE
    message text := $text$changed; "quoted", 'single' and -- not a comment$text$;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        NEW.remark := message;
    END IF;
    NEW.changed_at := coalesce(NEW.changed_at, clock_timestamp());
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION shop.note_change() IS 'Keeps users.changed_at';
