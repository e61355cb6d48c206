-- prism_owner: for who migrates (`ALTER ROLE deployer SET role = prism_owner`). prism_app: for the
-- daemon; reads and writes rows, owns nothing, changes no schema. Roles belong to the whole cluster:
-- another database may have made them already, at this very moment too.
DO $$
DECLARE
	role record;
BEGIN
	FOR role IN SELECT * FROM (VALUES ('prism_owner', 'NOLOGIN'), ('prism_app', 'LOGIN')) AS r (name, login) LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role.name) THEN
			BEGIN
				EXECUTE format('CREATE ROLE %I %s', role.name, role.login);
			EXCEPTION
				WHEN duplicate_object OR unique_violation THEN
					NULL;
				WHEN insufficient_privilege THEN
					RAISE insufficient_privilege USING
						MESSAGE = format('role %s does not exist and %s may not create it', role.name, current_user),
						HINT = format('Have an administrator run: CREATE ROLE %I %s;', role.name, role.login);
			END;
		END IF;
	END LOOP;
END $$;

GRANT USAGE, CREATE ON SCHEMA public TO prism_owner;
GRANT USAGE ON SCHEMA public TO prism_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO prism_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO prism_app;
-- What later migrations make.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO prism_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO prism_app;
