-- An id beyond 2,147,483,647 stops this with an error, and nothing is changed.
ALTER TABLE organization_members ALTER COLUMN organization_id TYPE INTEGER;
ALTER TABLE projects ALTER COLUMN organization_id TYPE INTEGER;
ALTER TABLE epics ALTER COLUMN project_id TYPE INTEGER;
ALTER TABLE sprints ALTER COLUMN project_id TYPE INTEGER;
ALTER TABLE documents ALTER COLUMN project_id TYPE INTEGER;
ALTER TABLE stories
	ALTER COLUMN project_id TYPE INTEGER,
	ALTER COLUMN epic_id TYPE INTEGER,
	ALTER COLUMN sprint_id TYPE INTEGER;
ALTER TABLE ai_generations ALTER COLUMN project_id TYPE INTEGER;

DO $$
DECLARE
	name text;
	next bigint;
BEGIN
	FOREACH name IN ARRAY ARRAY['organizations', 'organization_members', 'projects', 'epics', 'sprints',
		'documents', 'stories', 'ai_generations'] LOOP
		EXECUTE format('SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM %I', name || '_id_seq') INTO next;
		EXECUTE format('ALTER TABLE %I ALTER COLUMN id DROP IDENTITY', name);
		EXECUTE format('ALTER TABLE %I ALTER COLUMN id TYPE INTEGER', name);
		EXECUTE format('CREATE SEQUENCE %I AS INTEGER OWNED BY %I.id', name || '_id_seq', name);
		EXECUTE format('ALTER TABLE %I ALTER COLUMN id SET DEFAULT nextval(%L)', name, name || '_id_seq');
		EXECUTE format('SELECT setval(%L, %s, false)', name || '_id_seq', next);
	END LOOP;
END $$;
