-- Every row of a tenant says whose it is, and composite foreign keys make it impossible to point into
-- another organization, or a story at another project's sprint or epic. They replace the plain ones.
ALTER TABLE epics ADD COLUMN organization_id BIGINT;
ALTER TABLE sprints ADD COLUMN organization_id BIGINT;
ALTER TABLE documents ADD COLUMN organization_id BIGINT;
ALTER TABLE stories ADD COLUMN organization_id BIGINT;
ALTER TABLE ai_generations ADD COLUMN organization_id BIGINT;

UPDATE epics t SET organization_id = p.organization_id FROM projects p WHERE p.id = t.project_id;
UPDATE sprints t SET organization_id = p.organization_id FROM projects p WHERE p.id = t.project_id;
UPDATE documents t SET organization_id = p.organization_id FROM projects p WHERE p.id = t.project_id;
UPDATE stories t SET organization_id = p.organization_id FROM projects p WHERE p.id = t.project_id;
-- A generation outside of any project belongs to the first organization that its user joined, if any.
UPDATE ai_generations t SET organization_id = coalesce(
	(SELECT p.organization_id FROM projects p WHERE p.id = t.project_id),
	(SELECT m.organization_id FROM organization_members m WHERE m.user_id = t.user_id ORDER BY m.joined_at, m.id LIMIT 1));

ALTER TABLE epics ALTER COLUMN organization_id SET NOT NULL;
ALTER TABLE sprints ALTER COLUMN organization_id SET NOT NULL;
ALTER TABLE documents ALTER COLUMN organization_id SET NOT NULL;
ALTER TABLE stories ALTER COLUMN organization_id SET NOT NULL;
ALTER TABLE ai_generations ADD CONSTRAINT ai_generations_organization_check
	CHECK (organization_id IS NOT NULL OR project_id IS NULL);

ALTER TABLE projects ADD CONSTRAINT projects_organization_id_id_key UNIQUE (organization_id, id);
ALTER TABLE epics ADD CONSTRAINT epics_organization_id_project_id_id_key UNIQUE (organization_id, project_id, id);
ALTER TABLE sprints ADD CONSTRAINT sprints_organization_id_project_id_id_key UNIQUE (organization_id, project_id, id);
ALTER TABLE epics ADD CONSTRAINT epics_organization_id_id_key UNIQUE (organization_id, id);
ALTER TABLE sprints ADD CONSTRAINT sprints_organization_id_id_key UNIQUE (organization_id, id);
ALTER TABLE documents ADD CONSTRAINT documents_organization_id_id_key UNIQUE (organization_id, id);
ALTER TABLE stories ADD CONSTRAINT stories_organization_id_id_key UNIQUE (organization_id, id);

ALTER TABLE epics
	DROP CONSTRAINT epics_project_id_fkey,
	ADD CONSTRAINT epics_project_fkey FOREIGN KEY (organization_id, project_id)
		REFERENCES projects (organization_id, id) ON DELETE CASCADE;
ALTER TABLE sprints
	DROP CONSTRAINT sprints_project_id_fkey,
	ADD CONSTRAINT sprints_project_fkey FOREIGN KEY (organization_id, project_id)
		REFERENCES projects (organization_id, id) ON DELETE CASCADE;
ALTER TABLE documents
	DROP CONSTRAINT documents_project_id_fkey,
	ADD CONSTRAINT documents_project_fkey FOREIGN KEY (organization_id, project_id)
		REFERENCES projects (organization_id, id) ON DELETE CASCADE;
ALTER TABLE stories
	DROP CONSTRAINT stories_project_id_fkey,
	DROP CONSTRAINT stories_epic_id_fkey,
	DROP CONSTRAINT stories_sprint_id_fkey,
	ADD CONSTRAINT stories_project_fkey FOREIGN KEY (organization_id, project_id)
		REFERENCES projects (organization_id, id) ON DELETE CASCADE,
	ADD CONSTRAINT stories_epic_fkey FOREIGN KEY (organization_id, project_id, epic_id)
		REFERENCES epics (organization_id, project_id, id) ON DELETE SET NULL (epic_id),
	ADD CONSTRAINT stories_sprint_fkey FOREIGN KEY (organization_id, project_id, sprint_id)
		REFERENCES sprints (organization_id, project_id, id) ON DELETE SET NULL (sprint_id);
ALTER TABLE ai_generations
	DROP CONSTRAINT ai_generations_project_id_fkey,
	ADD CONSTRAINT ai_generations_organization_fkey FOREIGN KEY (organization_id)
		REFERENCES organizations (id) ON DELETE CASCADE,
	ADD CONSTRAINT ai_generations_project_fkey FOREIGN KEY (organization_id, project_id)
		REFERENCES projects (organization_id, id) ON DELETE CASCADE;
