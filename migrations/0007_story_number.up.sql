-- number: the 123 of PROJ-123, counted per project, never reused. rank: order in the backlog, with gaps
-- so that a story moves between two others without touching them. started_at and completed_at follow
-- the status. Stories that are there are numbered and ranked in the order in which they were created.
ALTER TABLE stories
	ADD COLUMN number BIGINT,
	ADD COLUMN rank BIGINT,
	ADD COLUMN started_at TIMESTAMPTZ,
	ADD COLUMN completed_at TIMESTAMPTZ;

UPDATE stories s SET
	number = o.n,
	rank = o.n * 65536,
	completed_at = CASE WHEN s.status = 'done' THEN s.updated_at END
FROM (SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY created_at, id) AS n FROM stories) o
WHERE o.id = s.id;

ALTER TABLE stories
	ALTER COLUMN number SET NOT NULL,
	ALTER COLUMN rank SET NOT NULL,
	ADD CONSTRAINT stories_number_check CHECK (number > 0),
	ADD CONSTRAINT stories_project_id_number_key UNIQUE (project_id, number);
