DROP INDEX user_sessions_user_id_idx;
DROP INDEX ai_generations_project_id_idx;
DROP INDEX project_keys_project_id_idx;
DROP INDEX documents_project_idx;
DROP INDEX stories_epic_id_idx;
DROP INDEX stories_backlog_idx;
DROP INDEX projects_organization_id_status_idx;
DROP INDEX organization_members_user_id_idx;
