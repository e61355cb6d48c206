-- Stories: changing them, one at a time.
--
-- The row is locked before it is compared: who waited for another change sees its result. Locks are taken in everybody's
-- order (ARCHITECTURE.md): the epic and the sprint that the story goes to, the membership of who gets it, the story.

-- statement: story_update
-- The mask is 1 title, 2 description, 4 acceptance_criteria, 8 status, 16 priority, 32 story_points, 64 epic_id,
-- 128 sprint_id, 256 assignee_id. What changes nothing writes nothing. The story as it is now comes back, with
-- what stood in the way; nothing was written if anything did. A reference that stays as it was is not judged; but a
-- story that is done no more leaves a sprint that is completed, and an assignee (worker) who has left.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, id int8, expected_version int4, mask int4,
--   title text?, description text?, criteria text?, status text?, priority text?, points int4?,
--   epic_id int8?, sprint_id int8?, assignee_id uuid?
-- columns: rank int4?, {{story_row}}, written bool, version_ok bool?, project_open bool?, epic_ok bool?,
--   sprint_ok bool?, sprint_open bool?, assignee_ok bool?
-- found: id
-- wrote: written
WITH {{caller}}, {{fresh}},
sprint AS MATERIALIZED (
  SELECT x.id, x.project_id, x.status
  FROM sprints x
  WHERE $11 & 128 <> 0 AND x.id = $19 AND x.organization_id = $1 AND x.deleted_at IS NULL
    AND (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
  FOR SHARE OF x),
epic AS MATERIALIZED (
  SELECT e.id, e.project_id
  FROM epics e
  WHERE $11 & 64 <> 0 AND e.id = $18 AND e.organization_id = $1 AND e.deleted_at IS NULL
    AND (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
  FOR SHARE OF e),
worker AS MATERIALIZED (
  SELECT CASE WHEN $11 & 256 <> 0 THEN $20 ELSE (
    SELECT s.assignee_id FROM stories s
    WHERE s.id = $9 AND s.organization_id = $1 AND $11 & 8 <> 0 AND $15 <> 'done') END AS id
  FROM caller c WHERE c.rank >= $3 AND (SELECT ok FROM fresh)),
assignee AS MATERIALIZED (
  SELECT m.user_id, m.role <> 'viewer' AND u.status = 'active' AND u.deleted_at IS NULL AS able
  FROM organization_members m JOIN users u ON u.id = m.user_id
  WHERE m.organization_id = $1 AND m.user_id = (SELECT w.id FROM worker w) AND u.id = (SELECT w.id FROM worker w)
  FOR KEY SHARE OF m),
old AS MATERIALIZED (
  SELECT {{story_columns}}, s.rank, p.status <> 'completed' OR $4 AS project_open
  FROM stories s
  JOIN projects p ON p.id = s.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND (SELECT count(*) FROM epic) + (SELECT count(*) FROM sprint) + (SELECT count(*) FROM assignee) >= 0
    AND s.organization_id = $1 AND s.id = $9 AND s.deleted_at IS NULL
  FOR NO KEY UPDATE OF s),
new AS MATERIALIZED (
  SELECT o.id,
    CASE WHEN $11 & 1 <> 0 THEN $12 ELSE o.title END AS title,
    CASE WHEN $11 & 2 <> 0 THEN $13 ELSE o.description END AS description,
    CASE WHEN $11 & 4 <> 0 THEN $14 ELSE o.acceptance_criteria END AS acceptance_criteria,
    n.status,
    CASE WHEN $11 & 16 <> 0 THEN $16 ELSE o.priority END AS priority,
    CASE WHEN $11 & 32 <> 0 THEN $17 ELSE o.story_points END AS story_points,
    CASE WHEN $11 & 64 <> 0 THEN $18 ELSE o.epic_id END AS epic_id,
    CASE WHEN $11 & 128 <> 0 AND $19 IS DISTINCT FROM o.sprint_id THEN $19
         WHEN o.status = 'done' AND n.status <> 'done' AND was.status = 'completed' THEN NULL
         ELSE o.sprint_id END AS sprint_id,
    CASE WHEN $11 & 256 <> 0 THEN $20
         WHEN o.status = 'done' AND n.status <> 'done' AND o.assignee_id = (SELECT w.id FROM worker w)
           AND NOT EXISTS (SELECT FROM assignee) THEN NULL
         ELSE o.assignee_id END AS assignee_id,
    CASE WHEN n.status = 'in_progress' AND o.started_at IS NULL THEN now() ELSE o.started_at END AS started_at,
    CASE WHEN n.status <> 'done' THEN NULL WHEN o.status = 'done' THEN o.completed_at ELSE now() END AS completed_at,
    was.status AS sprint_was
  FROM old o
  CROSS JOIN LATERAL (SELECT CASE WHEN $11 & 8 <> 0 THEN $15 ELSE o.status END AS status) n
  LEFT JOIN LATERAL (SELECT x.status FROM sprints x WHERE x.id = o.sprint_id OFFSET 0) was ON true),
judged AS MATERIALIZED (
  SELECT n.id,
    $10 = 0 OR o.version = $10 AS version_ok,
    n.epic_id IS NULL OR n.epic_id IS NOT DISTINCT FROM o.epic_id OR EXISTS (
      SELECT FROM epic e WHERE e.project_id = o.project_id) AS epic_ok,
    n.sprint_id IS NULL OR n.sprint_id IS NOT DISTINCT FROM o.sprint_id OR EXISTS (
      SELECT FROM sprint x WHERE x.project_id = o.project_id) AS sprint_ok,
    $11 & 128 = 0 OR n.sprint_id IS NOT DISTINCT FROM o.sprint_id OR $4
      OR (NOT EXISTS (SELECT FROM sprint x WHERE x.id = n.sprint_id AND x.status = 'completed')
          AND NOT (n.status = 'done' AND n.sprint_was IS NOT DISTINCT FROM 'completed')) AS sprint_open,
    n.assignee_id IS NULL OR n.assignee_id IS NOT DISTINCT FROM o.assignee_id
      OR EXISTS (SELECT FROM assignee a WHERE a.able) AS assignee_ok
  FROM new n JOIN old o ON o.id = n.id),
written AS (
  UPDATE stories s
  SET title = n.title, description = n.description, acceptance_criteria = n.acceptance_criteria,
    status = n.status, priority = n.priority, story_points = n.story_points, epic_id = n.epic_id,
    sprint_id = n.sprint_id, assignee_id = n.assignee_id, started_at = n.started_at,
    completed_at = n.completed_at, version = s.version + 1, updated_at = now()
  FROM new n JOIN old o ON o.id = n.id JOIN judged j ON j.id = n.id
  WHERE s.id = n.id AND o.project_open AND j.version_ok AND j.epic_ok AND j.sprint_ok AND j.sprint_open
    AND j.assignee_ok
    AND (n.title, n.description, n.acceptance_criteria, n.status, n.priority, n.story_points, n.epic_id,
         n.sprint_id, n.assignee_id)
      IS DISTINCT FROM (o.title, o.description, o.acceptance_criteria, o.status, o.priority,
         o.story_points, o.epic_id, o.sprint_id, o.assignee_id)
  RETURNING s.id, s.project_id, o.project_key, s.number, s.title, s.description, s.acceptance_criteria,
    s.status, s.priority, s.story_points, s.epic_id, s.sprint_id, s.assignee_id, s.creator_id,
    s.rank AS story_rank, s.version, s.created_at, s.updated_at, s.started_at, s.completed_at, s.deleted_at,
    s.external_source, s.external_id),
activity AS (
  SELECT w.project_id, 'story' AS entity_type, w.id::text AS entity_id, 'update' AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'title', CASE WHEN w.title <> o.title THEN jsonb_build_object('old', o.title, 'new', w.title) END,
      'description', CASE WHEN w.description IS DISTINCT FROM o.description THEN '{"changed": true}'::jsonb END,
      'acceptance_criteria', CASE WHEN w.acceptance_criteria IS DISTINCT FROM o.acceptance_criteria
        THEN '{"changed": true}'::jsonb END,
      'status', CASE WHEN w.status <> o.status THEN jsonb_build_object('old', o.status, 'new', w.status) END,
      'priority', CASE WHEN w.priority <> o.priority
        THEN jsonb_build_object('old', o.priority, 'new', w.priority) END,
      'story_points', CASE WHEN w.story_points IS DISTINCT FROM o.story_points
        THEN jsonb_build_object('old', o.story_points, 'new', w.story_points) END,
      'epic_id', CASE WHEN w.epic_id IS DISTINCT FROM o.epic_id
        THEN jsonb_build_object('old', o.epic_id, 'new', w.epic_id) END,
      'sprint_id', CASE WHEN w.sprint_id IS DISTINCT FROM o.sprint_id
        THEN jsonb_build_object('old', o.sprint_id, 'new', w.sprint_id) END,
      'assignee_id', CASE WHEN w.assignee_id IS DISTINCT FROM o.assignee_id
        THEN jsonb_build_object('old', o.assignee_id, 'new', w.assignee_id) END)) AS changes
  FROM written w JOIN old o ON o.id = w.id),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(w.id), 'version', w.version) AS result FROM written w),
{{recorded}}
SELECT c.rank, {{story_row}}, s.written IS TRUE AS written, j.version_ok, o.project_open, j.epic_ok, j.sprint_ok,
  j.sprint_open, j.assignee_ok
FROM caller c
LEFT JOIN old o ON true
LEFT JOIN judged j ON true
LEFT JOIN (
  SELECT w.*, true AS written FROM written w
  UNION ALL
  SELECT o.id, o.project_id, o.project_key, o.number, o.title, o.description, o.acceptance_criteria,
    o.status, o.priority, o.story_points, o.epic_id, o.sprint_id, o.assignee_id, o.creator_id,
    o.story_rank, o.version, o.created_at, o.updated_at, o.started_at, o.completed_at, o.deleted_at,
    o.external_source, o.external_id, false
  FROM old o WHERE NOT EXISTS (SELECT FROM written)) s ON true;

-- statement: story_delete
-- Hides (deleted) or restores a story. One that is not done is restored without what it has lost meanwhile: a
-- sprint that was completed, an assignee who has left. That one's membership is locked before the story, unless
-- somebody else got the story meanwhile.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, id int8, expected_version int4, deleted bool
-- columns: rank int4?, {{story_row}}, written bool, version_ok bool?, state_ok bool?, yours bool?, project_open bool?
-- found: id
-- wrote: written
WITH {{caller}}, {{fresh}},
assignee AS MATERIALIZED (
  SELECT m.user_id FROM organization_members m
  WHERE NOT $11 AND (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh) AND m.organization_id = $1
    AND m.user_id = (SELECT s.assignee_id FROM stories s WHERE s.organization_id = $1 AND s.id = $9)
  FOR KEY SHARE OF m),
old AS MATERIALIZED (
  SELECT {{story_columns}}, p.owner_id, p.status <> 'completed' OR $4 AS project_open
  FROM stories s
  JOIN projects p ON p.id = s.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND (SELECT count(*) FROM assignee) >= 0
    AND s.organization_id = $1 AND s.id = $9
  FOR NO KEY UPDATE OF s),
judged AS MATERIALIZED (
  SELECT o.id, o.project_open, $10 = 0 OR o.version = $10 AS version_ok, (o.deleted_at IS NULL) = $11 AS state_ok,
    (SELECT rank FROM caller) >= 3 OR o.creator_id IS NOT DISTINCT FROM $2 OR o.owner_id IS NOT DISTINCT FROM $2 AS yours
  FROM old o),
written AS (
  UPDATE stories s
  SET deleted_at = CASE WHEN $11 THEN now() END,
    sprint_id = CASE WHEN NOT $11 AND s.status <> 'done' AND EXISTS (
        SELECT FROM sprints x WHERE x.id = s.sprint_id AND x.status = 'completed' OFFSET 0)
      THEN NULL ELSE s.sprint_id END,
    assignee_id = CASE WHEN NOT $11 AND s.status <> 'done'
        AND NOT EXISTS (SELECT FROM assignee a WHERE a.user_id = s.assignee_id) AND NOT EXISTS (
        SELECT FROM organization_members m WHERE m.organization_id = $1 AND m.user_id = s.assignee_id OFFSET 0 FOR KEY SHARE OF m)
      THEN NULL ELSE s.assignee_id END,
    version = s.version + 1, updated_at = now()
  FROM old o JOIN judged j ON j.id = o.id
  WHERE s.id = o.id AND j.version_ok AND j.state_ok AND j.yours AND j.project_open
  RETURNING s.id, s.project_id, o.project_key, s.number, s.title, s.description, s.acceptance_criteria,
    s.status, s.priority, s.story_points, s.epic_id, s.sprint_id, s.assignee_id, s.creator_id,
    s.rank AS story_rank, s.version, s.created_at, s.updated_at, s.started_at, s.completed_at, s.deleted_at,
    s.external_source, s.external_id),
activity AS (
  SELECT w.project_id, 'story' AS entity_type, w.id::text AS entity_id,
    CASE WHEN $11 THEN 'delete' ELSE 'undelete' END AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'sprint_id', CASE WHEN w.sprint_id IS DISTINCT FROM o.sprint_id
        THEN jsonb_build_object('old', o.sprint_id, 'new', w.sprint_id) END,
      'assignee_id', CASE WHEN w.assignee_id IS DISTINCT FROM o.assignee_id
        THEN jsonb_build_object('old', o.assignee_id, 'new', w.assignee_id) END)) AS changes
  FROM written w JOIN old o ON o.id = w.id),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(w.id), 'version', w.version) AS result FROM written w),
{{recorded}}
SELECT c.rank, {{story_row}}, s.written IS TRUE AS written, j.version_ok, j.state_ok, j.yours, j.project_open
FROM caller c
LEFT JOIN judged j ON true
LEFT JOIN (
  SELECT w.*, true AS written FROM written w
  UNION ALL
  SELECT o.id, o.project_id, o.project_key, o.number, o.title, o.description, o.acceptance_criteria,
    o.status, o.priority, o.story_points, o.epic_id, o.sprint_id, o.assignee_id, o.creator_id,
    o.story_rank, o.version, o.created_at, o.updated_at, o.started_at, o.completed_at, o.deleted_at,
    o.external_source, o.external_id, false
  FROM old o WHERE NOT EXISTS (SELECT FROM written)) s ON true;
