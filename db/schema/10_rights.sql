-- prism_owner: for who migrates. prism_app: for the daemon; reads and writes rows, owns nothing, changes no schema. Roles belong to
-- the whole cluster: another database may have made them already.
DO $$
DECLARE
	role record;
BEGIN
	FOR role IN SELECT * FROM (VALUES ('prism_owner', 'NOLOGIN'), ('prism_app', 'LOGIN')) AS r (name, login) LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role.name) THEN
			EXECUTE format('CREATE ROLE %I %s', role.name, role.login);
		END IF;
	END LOOP;
END $$;

GRANT USAGE, CREATE ON SCHEMA public TO prism_owner;
GRANT USAGE ON SCHEMA public TO prism_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO prism_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO prism_app;
