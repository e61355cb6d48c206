-- Stories: reading them.
--
-- No row: no caller. `rank` below the minimum: refused, and the story was not read. `rank` enough
-- and nothing found: no such story.

-- What message Story needs: of stories s and projects p; and the same of a row s made of them.
-- fragment: story_columns
-- params: none
s.id, s.project_id, p.key AS project_key, s.number, s.title, s.description, s.acceptance_criteria,
  s.status, s.priority, s.story_points, s.epic_id, s.sprint_id, s.assignee_id, s.creator_id,
  s.rank AS story_rank, s.version, s.created_at, s.updated_at, s.started_at, s.completed_at,
  s.deleted_at, s.external_source, s.external_id
;

-- fragment: story_row
-- params: none
-- columns: id int8, project_id int8, project_key text, number int8, title text, description text?,
--   acceptance_criteria text?, status text, priority text, story_points int4?, epic_id int8?,
--   sprint_id int8?, assignee_id uuid?, creator_id uuid?, story_rank int8, version int4,
--   created_at timestamptz, updated_at timestamptz, started_at timestamptz?, completed_at timestamptz?,
--   deleted_at timestamptz?, external_source text?, external_id text?
s.id, s.project_id, s.project_key, s.number, s.title, s.description, s.acceptance_criteria,
  s.status, s.priority, s.story_points, s.epic_id, s.sprint_id, s.assignee_id, s.creator_id,
  s.story_rank, s.version, s.created_at, s.updated_at, s.started_at, s.completed_at,
  s.deleted_at, s.external_source, s.external_id
;

-- statement: story_get_by_id
-- The project is joined by its id alone: with its organization_id the planner would read every
-- project of the organization; the composite foreign key vouches for the tenant.
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, id int8
-- columns: rank int4?, {{story_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{story_row}}
FROM caller c
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s
  JOIN projects p ON p.id = s.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3
    AND s.organization_id = $1 AND s.id = $5 AND s.deleted_at IS NULL) s ON true;

-- statement: story_get_by_key
-- The key ("PROJ-123") comes as the project's key in upper case, current or former, and the number.
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_key text,
--   number int8
-- columns: rank int4?, {{story_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{story_row}}
FROM caller c
LEFT JOIN (
  SELECT {{story_columns}}
  FROM project_keys k
  JOIN projects p ON p.id = k.project_id AND p.deleted_at IS NULL
  JOIN stories s ON s.project_id = k.project_id AND s.number = $6 AND s.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3
    AND k.organization_id = $1 AND k.key = $5) s ON true;

-- statement: story_batch_get
-- In the order of the ids; those that are not there have no row. `bytes`: how large the story is in a message, at
-- most, with those before it; beyond bytes_most, descriptions and acceptance criteria are left out. (SELECT $5): a
-- plan for these values must not look cheaper for the number of the ids, or PostgreSQL would make one each time.
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, ids int8[], deleted_too bool,
--   bytes_most int8
-- columns: rank int4?, {{story_row}}, bytes int8?
-- found: id
WITH {{caller}}
SELECT c.rank, s.id, s.project_id, s.project_key, s.number, s.title,
  CASE WHEN s.bytes <= $7 THEN s.description END AS description,
  CASE WHEN s.bytes <= $7 THEN s.acceptance_criteria END AS acceptance_criteria,
  s.status, s.priority, s.story_points, s.epic_id, s.sprint_id, s.assignee_id, s.creator_id, s.story_rank, s.version,
  s.created_at, s.updated_at, s.started_at, s.completed_at, s.deleted_at, s.external_source, s.external_id, s.bytes
FROM caller c
LEFT JOIN (
  SELECT i.n, s.*, sum(400 + octet_length(s.title) + coalesce(octet_length(s.description), 0)
    + coalesce(octet_length(s.acceptance_criteria), 0) + coalesce(octet_length(s.external_source), 0)
    + coalesce(octet_length(s.external_id), 0)) OVER (ORDER BY i.n) AS bytes
  FROM unnest((SELECT $5::int8[])) WITH ORDINALITY AS i(id, n)
  JOIN LATERAL (
    SELECT {{story_columns}}
    FROM stories s
    JOIN projects p ON p.id = s.project_id AND p.deleted_at IS NULL
    WHERE s.organization_id = $1 AND s.id = i.id AND (s.deleted_at IS NULL OR $6) OFFSET 0) s ON true
  WHERE (SELECT rank FROM caller) >= $3) s ON true
ORDER BY s.n;
