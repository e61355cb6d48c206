-- Projects of an organization.

-- fragment: project_columns
-- params: none
p.id, p.name, p.key, p.description, p.status, p.owner_id, p.start_date, p.end_date, p.version, p.created_at, p.updated_at
;

-- fragment: project_row
-- params: none
-- columns: id int8, name text, key text, description text?, status text, owner_id uuid?, start_date date?,
--   end_date date?, version int4, created_at timestamptz, updated_at timestamptz
p.id, p.name, p.key, p.description, p.status, p.owner_id, p.start_date, p.end_date, p.version, p.created_at, p.updated_at
;

-- statement: project_create
-- With its key and its counter, after organization_lock: the organization's setting limits.max_projects is kept, where
-- every project that is not deleted counts. A key that was made of the name is tried with 2, 3 ... behind it until nobody
-- has or had it. Which ones are taken is looked up once, and only when the first one is.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, name text, key text, key_given bool, description text?,
--   status text, owner_id uuid?, start_date date?, end_date date?
-- columns: rank int4?, {{project_row}}, may_create bool, owner_ok bool, limit_met text?
-- found: id
WITH {{caller}}, {{fresh}},
judged AS MATERIALIZED (
  SELECT c.rank >= CASE o.settings #>> '{projects,create_role}' WHEN 'admin' THEN 3 ELSE $3 END AS may_create,
    $14::uuid IS NULL OR EXISTS (
      SELECT FROM organization_members m JOIN users u ON u.id = m.user_id
      WHERE m.organization_id = $1 AND m.user_id = $14::uuid AND m.role <> 'viewer' AND u.status = 'active'
        AND u.deleted_at IS NULL OFFSET 0 FOR KEY SHARE OF m) AS owner_ok,
    CASE jsonb_typeof(o.settings #> '{limits,max_projects}') WHEN 'number'
      THEN (o.settings #> '{limits,max_projects}')::numeric END AS most
  FROM caller c JOIN organizations o ON o.id = $1
  WHERE c.rank >= $3 AND (SELECT ok FROM fresh)),
crowded AS MATERIALIZED (
  SELECT j.most FROM judged j
  WHERE CASE WHEN j.most IS NOT NULL THEN j.most <= (
    SELECT count(*) FROM projects p WHERE p.organization_id = $1 AND p.deleted_at IS NULL) END),
taken AS MATERIALIZED (
  SELECT k.key FROM project_keys k
  WHERE NOT $11 AND k.organization_id = $1 AND starts_with(k.key, left($10, 15))
    AND EXISTS (SELECT FROM project_keys x WHERE x.organization_id = $1 AND x.key = $10)),
chosen AS MATERIALIZED (
  SELECT c.key
  FROM judged j CROSS JOIN (
    SELECT n, CASE n WHEN 1 THEN $10 ELSE left($10, 20 - length(n::text)) || n END AS key
    FROM generate_series(1, CASE WHEN $11 THEN 1 ELSE 10000 END) WITH ORDINALITY AS g(i, n)) c
  WHERE j.may_create AND j.owner_ok AND NOT EXISTS (SELECT FROM crowded) AND c.key NOT IN (SELECT t.key FROM taken t)
  ORDER BY c.n LIMIT 1),
written AS (
  INSERT INTO projects AS p (organization_id, name, key, description, status, owner_id, start_date, end_date)
  SELECT $1, $9, c.key, $12, $13, $14, $15, $16 FROM chosen c
  RETURNING {{project_columns}}),
numbered AS (
  INSERT INTO project_counters (project_id, organization_id) SELECT p.id, $1 FROM written p),
named AS (
  INSERT INTO project_keys (organization_id, key, project_id, is_current) SELECT $1, p.key, p.id, true FROM written p),
activity AS (
  SELECT p.id AS project_id, 'project' AS entity_type, p.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written p),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(p.id)) AS result FROM written p),
{{recorded}}
SELECT c.rank, {{project_row}}, j.may_create IS TRUE AS may_create, j.owner_ok IS TRUE AS owner_ok,
  (SELECT most::text FROM crowded) AS limit_met
FROM caller c
LEFT JOIN judged j ON true
LEFT JOIN written p ON true;

-- statement: project_get
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, id int8
-- columns: rank int4?, {{project_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{project_row}}
FROM caller c
LEFT JOIN projects p ON p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL AND c.rank >= $3;

-- statement: project_get_by_key
-- Current or former, in upper case.
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, key text
-- columns: rank int4?, {{project_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{project_row}}
FROM caller c
LEFT JOIN (
  SELECT {{project_columns}}
  FROM project_keys k JOIN projects p ON p.id = k.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3 AND k.organization_id = $1 AND k.key = $5) p ON true;

-- What a project must be to be listed: of projects p.
-- fragment: project_filter
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, max_rows int4, statuses text[],
--   owner_id uuid?
(SELECT rank FROM caller) >= $3 AND p.organization_id = $1 AND p.deleted_at IS NULL
  AND (cardinality($6::text[]) = 0 OR p.status = ANY ($6::text[]))
  AND ($7::uuid IS NULL OR p.owner_id = $7::uuid)
;

-- statement: project_list
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, max_rows int4, statuses text[],
--   owner_id uuid?, total_most int4, after int8
-- columns: rank int4?, {{project_row}}, total int8?
-- found: id
WITH {{caller}}
SELECT c.rank, {{project_row}},
  CASE WHEN $8::int4 > 0 THEN (
    SELECT count(*) FROM (SELECT FROM projects p WHERE {{project_filter}} ORDER BY p.id LIMIT $8::int4) p) END AS total
FROM caller c
LEFT JOIN (
  SELECT {{project_columns}}
  FROM projects p
  WHERE {{project_filter}} AND p.id > $9::int8
  ORDER BY p.id LIMIT $5::int4) p ON true
ORDER BY p.id;

-- statement: project_update
-- After project_lock, under which sprints are made active. The mask is 1 name, 2 key, 4 description, 8 status,
-- 16 owner_id, 32 start_date, 64 end_date. The former key stays, and resolves.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, id int8, expected_version int4, mask int4, name text?,
--   key text?, description text?, status text?, owner_id uuid?, start_date date?, end_date date?
-- columns: rank int4?, {{project_row}}, version_ok bool?, yours bool?, key_yours bool?, key_free bool?,
--   transition_ok bool?, sprint_active bool?, owner_ok bool?, dates_ok bool?
-- found: id
WITH {{caller}}, {{fresh}},
old AS MATERIALIZED (
  SELECT {{project_columns}}
  FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND p.id = $9 AND p.organization_id = $1 AND p.deleted_at IS NULL
  FOR NO KEY UPDATE),
new AS MATERIALIZED (
  SELECT o.id,
    CASE WHEN $11 & 1 <> 0 THEN $12 ELSE o.name END AS name,
    CASE WHEN $11 & 2 <> 0 THEN $13 ELSE o.key END AS key,
    CASE WHEN $11 & 4 <> 0 THEN $14 ELSE o.description END AS description,
    CASE WHEN $11 & 8 <> 0 THEN $15 ELSE o.status END AS status,
    CASE WHEN $11 & 16 <> 0 THEN $16::uuid ELSE o.owner_id END AS owner_id,
    CASE WHEN $11 & 32 <> 0 THEN $17::date ELSE o.start_date END AS start_date,
    CASE WHEN $11 & 64 <> 0 THEN $18::date ELSE o.end_date END AS end_date
  FROM old o),
judged AS MATERIALIZED (
  SELECT o.id, $10::int4 = 0 OR o.version = $10::int4 AS version_ok,
    c.rank >= 3 OR o.owner_id IS NOT DISTINCT FROM $2 AS yours,
    c.rank >= 3 OR n.key = o.key AS key_yours,
    n.key = o.key OR NOT EXISTS (
      SELECT FROM project_keys k WHERE k.organization_id = $1 AND k.key = n.key AND k.project_id <> o.id OFFSET 0) AS key_free,
    n.status = o.status OR (n.status <> 'planning' AND (o.status <> 'completed' OR n.status = 'active')) AS transition_ok,
    n.status = 'completed' AND o.status <> 'completed' AND EXISTS (
      SELECT FROM sprints x WHERE x.project_id = o.id AND x.status = 'active' AND x.deleted_at IS NULL OFFSET 0) AS sprint_active,
    n.owner_id IS NOT DISTINCT FROM o.owner_id OR n.owner_id IS NULL OR EXISTS (
      SELECT FROM organization_members m JOIN users u ON u.id = m.user_id
      WHERE m.organization_id = $1 AND m.user_id = n.owner_id AND m.role <> 'viewer' AND u.status = 'active'
        AND u.deleted_at IS NULL OFFSET 0 FOR KEY SHARE OF m) AS owner_ok,
    n.start_date IS NULL OR n.end_date IS NULL OR n.start_date <= n.end_date AS dates_ok
  FROM old o JOIN new n ON n.id = o.id CROSS JOIN caller c),
written AS (
  UPDATE projects p
  SET name = n.name, key = n.key, description = n.description, status = n.status, owner_id = n.owner_id,
    start_date = n.start_date, end_date = n.end_date, version = p.version + 1, updated_at = now()
  FROM new n JOIN old o ON o.id = n.id JOIN judged j ON j.id = n.id
  WHERE p.id = n.id AND j.version_ok AND j.yours AND j.key_yours AND j.key_free AND j.transition_ok
    AND NOT j.sprint_active AND j.owner_ok AND j.dates_ok
    AND (n.name, n.key, n.description, n.status, n.owner_id, n.start_date, n.end_date)
      IS DISTINCT FROM (o.name, o.key, o.description, o.status, o.owner_id, o.start_date, o.end_date)
  RETURNING {{project_columns}}),
retired AS (
  UPDATE project_keys k SET is_current = false
  FROM written p
  WHERE k.organization_id = $1 AND k.project_id = p.id AND k.is_current AND k.key <> p.key
  RETURNING p.id AS project_id, p.key),
taken_back AS (
  UPDATE project_keys k SET is_current = true
  FROM retired r
  WHERE k.organization_id = $1 AND k.key = r.key AND k.project_id = r.project_id),
taken AS (
  INSERT INTO project_keys (organization_id, key, project_id, is_current)
  SELECT $1, r.key, r.project_id, true FROM retired r
  WHERE NOT EXISTS (
    SELECT FROM project_keys k WHERE k.organization_id = $1 AND k.key = r.key AND k.project_id = r.project_id OFFSET 0)),
activity AS (
  SELECT p.id AS project_id, 'project' AS entity_type, p.id::text AS entity_id, 'update' AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'name', CASE WHEN p.name <> o.name THEN jsonb_build_object('old', o.name, 'new', p.name) END,
      'key', CASE WHEN p.key <> o.key THEN jsonb_build_object('old', o.key, 'new', p.key) END,
      'description', CASE WHEN p.description IS DISTINCT FROM o.description THEN '{"changed": true}'::jsonb END,
      'status', CASE WHEN p.status <> o.status THEN jsonb_build_object('old', o.status, 'new', p.status) END,
      'owner_id', CASE WHEN p.owner_id IS DISTINCT FROM o.owner_id
        THEN jsonb_build_object('old', o.owner_id, 'new', p.owner_id) END,
      'start_date', CASE WHEN p.start_date IS DISTINCT FROM o.start_date
        THEN jsonb_build_object('old', o.start_date, 'new', p.start_date) END,
      'end_date', CASE WHEN p.end_date IS DISTINCT FROM o.end_date
        THEN jsonb_build_object('old', o.end_date, 'new', p.end_date) END)) AS changes
  FROM written p JOIN old o ON o.id = p.id),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(p.id)) AS result FROM written p),
{{recorded}}
SELECT c.rank, {{project_row}}, j.version_ok, j.yours, j.key_yours, j.key_free, j.transition_ok, j.sprint_active,
  j.owner_ok, j.dates_ok
FROM caller c
LEFT JOIN judged j ON true
LEFT JOIN (
  SELECT w.* FROM written w
  UNION ALL SELECT o.* FROM old o WHERE NOT EXISTS (SELECT FROM written)) p ON true;
