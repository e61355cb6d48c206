DROP INDEX projects_owner_idx;
DROP INDEX organization_members_admins_idx;
