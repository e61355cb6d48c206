-- Every key that a project has or had, in upper case, unique within the organization: PROJ-123 resolves
-- after the project's key was changed, and nobody else gets PROJ.
CREATE TABLE project_keys (
	organization_id BIGINT NOT NULL,
	key             VARCHAR(20) NOT NULL,
	project_id      BIGINT NOT NULL,
	is_current      BOOLEAN NOT NULL,
	created_at      TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
	CONSTRAINT project_keys_pkey PRIMARY KEY (organization_id, key),
	CONSTRAINT project_keys_key_check CHECK (key = upper(key)),
	CONSTRAINT project_keys_project_fkey FOREIGN KEY (organization_id, project_id)
		REFERENCES projects (organization_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX project_keys_current_key ON project_keys (organization_id, project_id) WHERE is_current;

INSERT INTO project_keys (organization_id, key, project_id, is_current)
SELECT organization_id, upper(key), id, true FROM projects;
