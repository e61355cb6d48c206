-- The values that the document lists for a column are the ones that it takes.
ALTER TABLE organization_members ADD CONSTRAINT organization_members_role_check
	CHECK (role IN ('admin', 'member', 'viewer'));
ALTER TABLE projects ADD CONSTRAINT projects_status_check
	CHECK (status IN ('planning', 'active', 'on_hold', 'completed'));
ALTER TABLE epics ADD CONSTRAINT epics_status_check
	CHECK (status IN ('open', 'closed'));
ALTER TABLE sprints ADD CONSTRAINT sprints_status_check
	CHECK (status IN ('planning', 'active', 'completed'));
ALTER TABLE documents ADD CONSTRAINT documents_document_type_check
	CHECK (document_type IN ('prd', 'spec', 'design', 'other'));
ALTER TABLE documents ADD CONSTRAINT documents_status_check
	CHECK (status IN ('draft', 'published', 'archived'));
ALTER TABLE stories ADD CONSTRAINT stories_priority_check
	CHECK (priority IN ('high', 'medium', 'low'));
ALTER TABLE stories ADD CONSTRAINT stories_status_check
	CHECK (status IN ('todo', 'in_progress', 'done'));
ALTER TABLE ai_generations ADD CONSTRAINT ai_generations_generation_type_check
	CHECK (generation_type IN ('prd', 'story', 'analysis'));
ALTER TABLE ai_generations ADD CONSTRAINT ai_generations_provider_check
	CHECK (provider IN ('openai', 'anthropic', 'ollama'));
