-- Sprints: iterations of a project.

-- fragment: sprint_columns
-- params: none
x.id, x.project_id, x.name, x.goal, x.start_date, x.end_date, x.status, x.velocity, x.version, x.created_at,
  x.updated_at, x.external_source, x.external_id
;

-- fragment: sprint_row
-- params: none
-- columns: id int8, project_id int8, name text, goal text?, start_date date?, end_date date?, status text,
--   velocity int4?, version int4, created_at timestamptz, updated_at timestamptz, external_source text?,
--   external_id text?
x.id, x.project_id, x.name, x.goal, x.start_date, x.end_date, x.status, x.velocity, x.version, x.created_at,
  x.updated_at, x.external_source, x.external_id
;

-- Whether the caller's role manages sprints: the organization's setting sprints.manage_role.
-- fragment: sprint_manager
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool
manager AS MATERIALIZED (
  SELECT c.rank >= CASE o.settings #>> '{sprints,manage_role}' WHEN 'admin' THEN 3 ELSE $3 END AS ok
  FROM caller c JOIN organizations o ON o.id = $1)
;

-- statement: sprint_create
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, name text, goal text?, start_date date?,
--   end_date date?, external_source text?, external_id text?
-- columns: rank int4?, {{sprint_row}}, project_found bool, project_open bool?, manager_ok bool?
-- found: id
WITH {{caller}}, {{fresh}}, {{sprint_manager}}, {{place}},
written AS (
  INSERT INTO sprints AS x (organization_id, project_id, name, goal, start_date, end_date, external_source, external_id)
  SELECT $1, p.id, $10, $11, $12, $13, $14, $15 FROM place p WHERE p.open AND (SELECT ok FROM manager)
  RETURNING {{sprint_columns}}),
activity AS (
  SELECT x.project_id, 'sprint' AS entity_type, x.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written x),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(x.id)) AS result FROM written x),
{{recorded}}
SELECT c.rank, {{sprint_row}}, p.id IS NOT NULL AS project_found, p.open AS project_open,
  (SELECT ok FROM manager) AS manager_ok
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN written x ON true;

-- statement: sprint_get
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, id int8
-- columns: rank int4?, {{sprint_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{sprint_row}}
FROM caller c
LEFT JOIN (
  SELECT {{sprint_columns}}
  FROM sprints x JOIN projects p ON p.id = x.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3 AND x.id = $5 AND x.organization_id = $1 AND x.deleted_at IS NULL) x ON true;

-- What a sprint must be to be listed: of sprints x.
-- fragment: sprint_filter
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   statuses text[]
x.organization_id = $1 AND x.project_id = $5 AND x.deleted_at IS NULL
  AND (cardinality($7::text[]) = 0 OR x.status = ANY ($7::text[]))
;

-- statement: sprint_list
-- The newest first.
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   statuses text[], total_most int4, before int8
-- columns: rank int4?, {{sprint_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
place AS MATERIALIZED (
  SELECT p.id FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{sprint_row}}, p.id IS NOT NULL AS project_found,
  CASE WHEN $8::int4 > 0 THEN (
    SELECT count(*) FROM (
      SELECT FROM place p CROSS JOIN sprints x WHERE {{sprint_filter}} ORDER BY x.id LIMIT $8::int4) x) END AS total
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN (
  SELECT {{sprint_columns}}
  FROM place p CROSS JOIN sprints x
  WHERE {{sprint_filter}} AND x.id < $9::int8
  ORDER BY x.id DESC LIMIT $6::int4) x ON true
ORDER BY x.id DESC;

-- statement: sprint_update
-- The mask is 1 name, 2 goal, 4 start_date, 8 end_date.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, id int8, expected_version int4, mask int4, name text?,
--   goal text?, start_date date?, end_date date?
-- columns: rank int4?, {{sprint_row}}, written bool, version_ok bool?, project_open bool?, manager_ok bool?, dates_ok bool?
-- found: id
-- wrote: written
WITH {{caller}}, {{fresh}}, {{sprint_manager}},
old AS MATERIALIZED (
  SELECT {{sprint_columns}}, p.status <> 'completed' OR $4 AS project_open
  FROM sprints x JOIN projects p ON p.id = x.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND x.id = $9 AND x.organization_id = $1 AND x.deleted_at IS NULL
  FOR NO KEY UPDATE OF x),
new AS MATERIALIZED (
  SELECT o.id, o.project_open, $10::int4 = 0 OR o.version = $10::int4 AS version_ok,
    CASE WHEN $11 & 1 <> 0 THEN $12 ELSE o.name END AS name,
    CASE WHEN $11 & 2 <> 0 THEN $13 ELSE o.goal END AS goal,
    CASE WHEN $11 & 4 <> 0 THEN $14::date ELSE o.start_date END AS start_date,
    CASE WHEN $11 & 8 <> 0 THEN $15::date ELSE o.end_date END AS end_date
  FROM old o),
judged AS MATERIALIZED (
  SELECT n.id, n.version_ok, n.project_open, (SELECT ok FROM manager) AS manager_ok,
    n.start_date IS NULL OR n.end_date IS NULL OR n.start_date <= n.end_date AS dates_ok
  FROM new n),
written AS (
  UPDATE sprints x
  SET name = n.name, goal = n.goal, start_date = n.start_date, end_date = n.end_date, version = x.version + 1,
    updated_at = now()
  FROM new n JOIN old o ON o.id = n.id JOIN judged j ON j.id = n.id
  WHERE x.id = n.id AND j.version_ok AND j.project_open AND j.manager_ok AND j.dates_ok AND o.status <> 'completed'
    AND (n.name, n.goal, n.start_date, n.end_date) IS DISTINCT FROM (o.name, o.goal, o.start_date, o.end_date)
  RETURNING {{sprint_columns}}),
activity AS (
  SELECT x.project_id, 'sprint' AS entity_type, x.id::text AS entity_id, 'update' AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'name', CASE WHEN x.name <> o.name THEN jsonb_build_object('old', o.name, 'new', x.name) END,
      'goal', CASE WHEN x.goal IS DISTINCT FROM o.goal THEN '{"changed": true}'::jsonb END,
      'start_date', CASE WHEN x.start_date IS DISTINCT FROM o.start_date
        THEN jsonb_build_object('old', o.start_date, 'new', x.start_date) END,
      'end_date', CASE WHEN x.end_date IS DISTINCT FROM o.end_date
        THEN jsonb_build_object('old', o.end_date, 'new', x.end_date) END)) AS changes
  FROM written x JOIN old o ON o.id = x.id),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(x.id)) AS result FROM written x),
{{recorded}}
SELECT c.rank, {{sprint_row}}, EXISTS (SELECT FROM written) AS written, j.version_ok, j.project_open, j.manager_ok, j.dates_ok
FROM caller c
LEFT JOIN judged j ON true
LEFT JOIN (
  SELECT w.* FROM written w
  UNION ALL
  SELECT {{sprint_columns}} FROM old x WHERE NOT EXISTS (SELECT FROM written)) x ON true;

-- statement: sprint_upsert
-- After project_lock. The effect is 1 created, 2 updated, 3 unchanged, 4 deleted before: it stays so. Velocity -1 and
-- the date '' stand for none. Faults by the number of the sprint in the request, from 1: a name that another one
-- has, or has until it is changed here; a second active sprint; nothing was written if there is one. The sprints
-- that are active no more go first, then the one that is: unique keys look at row after row.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, external_source text, external_ids text[],
--   names text[], goals text[], start_dates text[], end_dates text[], statuses text[], velocities int4[],
--   created_ats timestamptz[]
-- columns: rank int4?, id int8?, effect int4?, project_found bool, project_open bool?, fault_name int8?,
--   fault_active int8?
-- found: id
WITH {{caller}}, {{fresh}}, {{place}},
item AS MATERIALIZED (
  SELECT i.n, i.external_id, i.name, lower(i.name) AS lower_name, i.goal, NULLIF(i.start_date, '')::date AS start_date,
    NULLIF(i.end_date, '')::date AS end_date, i.status, NULLIF(i.velocity, -1) AS velocity, i.created_at, o.id,
    o.deleted IS TRUE AS deleted, o.was
  FROM place p CROSS JOIN unnest($11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
    $17::int4[], $18::timestamptz[]) WITH ORDINALITY
    AS i(external_id, name, goal, start_date, end_date, status, velocity, created_at, n)
  LEFT JOIN LATERAL (
    SELECT x.id, x.deleted_at IS NOT NULL AS deleted, x AS was FROM sprints x
    WHERE x.project_id = p.id AND x.external_source = $10 AND x.external_id = i.external_id FOR NO KEY UPDATE) o ON true
  WHERE p.open),
namesake AS MATERIALIZED (
  SELECT i.n FROM item i CROSS JOIN LATERAL (
    SELECT x.id FROM sprints x
    WHERE x.project_id = $9 AND lower(x.name) = i.lower_name AND x.deleted_at IS NULL OFFSET 0) x
  WHERE NOT EXISTS (SELECT FROM item y WHERE y.id = x.id)),
other_active AS MATERIALIZED (
  SELECT FROM place p CROSS JOIN LATERAL (
    SELECT x.id FROM sprints x
    WHERE x.project_id = p.id AND x.status = 'active' AND x.deleted_at IS NULL OFFSET 0) x
  WHERE NOT EXISTS (SELECT FROM item y WHERE y.id = x.id)),
fault AS MATERIALIZED (
  SELECT
    min(i.n) FILTER (WHERE EXISTS (SELECT FROM namesake x WHERE x.n = i.n) OR EXISTS (
      SELECT FROM item y WHERE NOT y.deleted AND y.n <> i.n AND (
        y.n < i.n AND y.lower_name = i.lower_name OR i.id IS NOT NULL AND lower((y.was).name) = i.lower_name))) AS name,
    min(i.n) FILTER (WHERE i.status = 'active' AND (EXISTS (SELECT FROM other_active) OR EXISTS (
      SELECT FROM item y WHERE y.n < i.n AND y.status = 'active' AND NOT y.deleted))) AS active
  FROM item i WHERE NOT i.deleted),
wanted AS MATERIALIZED (
  SELECT i.id, i.name, i.goal, i.start_date, i.end_date, i.status, i.velocity,
    jsonb_strip_nulls(jsonb_build_object(
      'name', CASE WHEN i.name <> (i.was).name THEN jsonb_build_object('old', (i.was).name, 'new', i.name) END,
      'goal', CASE WHEN i.goal IS DISTINCT FROM (i.was).goal THEN '{"changed": true}'::jsonb END,
      'start_date', CASE WHEN i.start_date IS DISTINCT FROM (i.was).start_date
        THEN jsonb_build_object('old', (i.was).start_date, 'new', i.start_date) END,
      'end_date', CASE WHEN i.end_date IS DISTINCT FROM (i.was).end_date
        THEN jsonb_build_object('old', (i.was).end_date, 'new', i.end_date) END,
      'status', CASE WHEN i.status <> (i.was).status THEN jsonb_build_object('old', (i.was).status, 'new', i.status) END,
      'velocity', CASE WHEN i.velocity IS DISTINCT FROM (i.was).velocity
        THEN jsonb_build_object('old', (i.was).velocity, 'new', i.velocity) END)) AS changes
  FROM item i CROSS JOIN fault f
  WHERE i.id IS NOT NULL AND NOT i.deleted AND num_nonnulls(f.name, f.active) = 0
    AND (i.name, i.goal, i.start_date, i.end_date, i.status, i.velocity) IS DISTINCT FROM
      ((i.was).name, (i.was).goal, (i.was).start_date, (i.was).end_date, (i.was).status, (i.was).velocity)),
resting AS (
  UPDATE sprints x
  SET name = w.name, goal = w.goal, start_date = w.start_date, end_date = w.end_date, status = w.status,
    velocity = w.velocity, version = x.version + 1, updated_at = now()
  FROM wanted w WHERE x.id = w.id AND w.status <> 'active'
  RETURNING x.id, x.project_id, w.changes),
running AS (
  UPDATE sprints x
  SET name = w.name, goal = w.goal, start_date = w.start_date, end_date = w.end_date, status = w.status,
    velocity = w.velocity, version = x.version + 1, updated_at = now()
  FROM wanted w WHERE x.id = w.id AND w.status = 'active' AND (SELECT count(*) FROM resting) >= 0
  RETURNING x.id, x.project_id, w.changes),
changed AS (SELECT * FROM resting UNION ALL SELECT * FROM running),
written AS (
  INSERT INTO sprints (organization_id, project_id, name, goal, start_date, end_date, status, velocity,
    external_source, external_id, created_at)
  SELECT $1, $9, i.name, i.goal, i.start_date, i.end_date, i.status, i.velocity, $10, i.external_id,
    coalesce(i.created_at, now())
  FROM item i CROSS JOIN fault f
  WHERE i.id IS NULL AND num_nonnulls(f.name, f.active) = 0 AND (SELECT count(*) FROM changed) >= 0
  ORDER BY i.n
  RETURNING id, project_id, external_id),
activity AS (
  SELECT w.project_id, 'sprint' AS entity_type, w.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written w
  UNION ALL SELECT c.project_id, 'sprint', c.id::text, 'update', c.changes FROM changed c),
effect AS (SELECT '{}'::jsonb AS result WHERE false),
{{recorded}}
SELECT c.rank, coalesce(i.id, w.id) AS id,
  CASE WHEN i.n IS NULL THEN NULL WHEN i.id IS NULL THEN 1 WHEN y.id IS NOT NULL THEN 2 WHEN i.deleted THEN 4 ELSE 3 END
    AS effect,
  p.id IS NOT NULL AS project_found, p.open AS project_open, f.name AS fault_name, f.active AS fault_active
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN fault f ON true
LEFT JOIN item i ON true
LEFT JOIN written w ON w.external_id = i.external_id
LEFT JOIN changed y ON y.id = i.id
ORDER BY i.n;
