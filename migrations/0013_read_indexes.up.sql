-- Reads that start from the organization, and foreign keys that had no index of their own. A list that
-- needs another brings it along; each one costs every write.
CREATE INDEX organization_members_user_id_idx ON organization_members (user_id, organization_id);
CREATE INDEX projects_organization_id_status_idx ON projects (organization_id, status, id);
CREATE INDEX stories_backlog_idx ON stories (organization_id, project_id, rank, id);
CREATE INDEX stories_epic_id_idx ON stories (organization_id, project_id, epic_id) WHERE epic_id IS NOT NULL;
CREATE INDEX documents_project_idx ON documents (organization_id, project_id, updated_at, id);
CREATE INDEX project_keys_project_id_idx ON project_keys (organization_id, project_id);
CREATE INDEX ai_generations_project_id_idx ON ai_generations (organization_id, project_id, id);
CREATE INDEX user_sessions_user_id_idx ON user_sessions (user_id);
