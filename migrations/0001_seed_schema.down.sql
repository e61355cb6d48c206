DROP TABLE user_sessions, ai_generations, stories, documents, sprints, epics, projects,
	organization_members, organizations, users;
DROP TYPE user_status;
