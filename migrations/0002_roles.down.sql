-- The roles themselves stay: they belong to the cluster, and other databases or a password may hang on them.
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE, SELECT ON SEQUENCES FROM prism_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM prism_app;
REVOKE USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public FROM prism_app;
REVOKE SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM prism_app;
REVOKE USAGE ON SCHEMA public FROM prism_app;
REVOKE USAGE, CREATE ON SCHEMA public FROM prism_owner;
