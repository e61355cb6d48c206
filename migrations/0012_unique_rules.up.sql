-- What there may be once. The document's plain indexes on the same columns stay under their names.
CREATE UNIQUE INDEX users_email_lower_key ON users (lower(email));
CREATE UNIQUE INDEX users_username_lower_key ON users (lower(username));
ALTER TABLE organizations ADD CONSTRAINT organizations_slug_key UNIQUE (slug);
-- INCLUDE: the caller gate reads nothing but this index.
ALTER TABLE organization_members ADD CONSTRAINT organization_members_organization_id_user_id_key
	UNIQUE (organization_id, user_id) INCLUDE (role);
-- A deleted document gives its slug up; restoring it looks again.
CREATE UNIQUE INDEX documents_project_id_slug_key ON documents (project_id, slug) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX sprints_one_active_key ON sprints (project_id) WHERE status = 'active' AND deleted_at IS NULL;
