-- Three group roles, so that no long-running process holds more than it needs. Login roles become members of them.
-- Extensions are made by the superuser who makes the database; here they are only required.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['citygrid_writer', 'citygrid_reader'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
END
$$;

-- The owner may act as either, so one address is enough for a small installation.
DO $$
BEGIN
    EXECUTE format('GRANT citygrid_writer, citygrid_reader TO %I', current_user);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'roles were granted by somebody else: %', SQLERRM;
END
$$;

GRANT USAGE ON SCHEMA public TO citygrid_writer, citygrid_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO citygrid_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO citygrid_writer;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO citygrid_writer;
