-- What was deleted but not yet purged is there again: a way back loses no row.
ALTER TABLE organization_members DROP COLUMN version;
ALTER TABLE stories DROP COLUMN deleted_at, DROP COLUMN version;
ALTER TABLE documents DROP COLUMN deleted_at, DROP COLUMN version;
ALTER TABLE sprints DROP COLUMN deleted_at, DROP COLUMN version;
ALTER TABLE epics DROP COLUMN deleted_at, DROP COLUMN version;
ALTER TABLE projects DROP COLUMN deleted_at, DROP COLUMN version;
ALTER TABLE organizations DROP COLUMN deleted_at, DROP COLUMN version;
ALTER TABLE users DROP COLUMN deleted_at, DROP COLUMN version;
