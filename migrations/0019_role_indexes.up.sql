-- Whoever changes a role, removes a member or makes a user inactive looks for another admin, and whether the
-- leaver owns a project: by these, not among all members and projects of the organization.
CREATE INDEX organization_members_admins_idx ON organization_members (organization_id, user_id) WHERE role = 'admin';
CREATE INDEX projects_owner_idx ON projects (organization_id, owner_id, id) WHERE owner_id IS NOT NULL;
