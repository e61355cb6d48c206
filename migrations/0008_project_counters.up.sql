-- What the next story of a project gets. Beside the project, so that creating stories neither touches
-- its version nor waits for who edits it. Every project has a row: made with it.
CREATE TABLE project_counters (
	project_id      BIGINT PRIMARY KEY,
	organization_id BIGINT NOT NULL,
	next_number     BIGINT NOT NULL DEFAULT 1,
	next_rank       BIGINT NOT NULL DEFAULT 65536,
	CONSTRAINT project_counters_project_fkey FOREIGN KEY (organization_id, project_id)
		REFERENCES projects (organization_id, id) ON DELETE CASCADE,
	CONSTRAINT project_counters_next_number_check CHECK (next_number > 0)
);

INSERT INTO project_counters (project_id, organization_id, next_number, next_rank)
SELECT p.id, p.organization_id, coalesce(max(s.number), 0) + 1, coalesce(max(s.rank), 0) + 65536
FROM projects p LEFT JOIN stories s ON s.project_id = p.id
GROUP BY p.id;
