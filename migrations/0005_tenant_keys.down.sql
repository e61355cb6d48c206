ALTER TABLE ai_generations
	DROP CONSTRAINT ai_generations_project_fkey,
	DROP CONSTRAINT ai_generations_organization_fkey,
	DROP CONSTRAINT ai_generations_organization_check,
	ADD CONSTRAINT ai_generations_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE;
ALTER TABLE stories
	DROP CONSTRAINT stories_sprint_fkey,
	DROP CONSTRAINT stories_epic_fkey,
	DROP CONSTRAINT stories_project_fkey,
	ADD CONSTRAINT stories_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
	ADD CONSTRAINT stories_epic_id_fkey FOREIGN KEY (epic_id) REFERENCES epics (id) ON DELETE SET NULL,
	ADD CONSTRAINT stories_sprint_id_fkey FOREIGN KEY (sprint_id) REFERENCES sprints (id) ON DELETE SET NULL;
ALTER TABLE documents
	DROP CONSTRAINT documents_project_fkey,
	ADD CONSTRAINT documents_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE;
ALTER TABLE sprints
	DROP CONSTRAINT sprints_project_fkey,
	ADD CONSTRAINT sprints_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE;
ALTER TABLE epics
	DROP CONSTRAINT epics_project_fkey,
	ADD CONSTRAINT epics_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE;

-- Their UNIQUE constraints go with the columns.
ALTER TABLE projects DROP CONSTRAINT projects_organization_id_id_key;
ALTER TABLE ai_generations DROP COLUMN organization_id;
ALTER TABLE stories DROP COLUMN organization_id;
ALTER TABLE documents DROP COLUMN organization_id;
ALTER TABLE sprints DROP COLUMN organization_id;
ALTER TABLE epics DROP COLUMN organization_id;
