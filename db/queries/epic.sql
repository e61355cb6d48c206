-- Epics: groups of a project's stories.

-- fragment: epic_columns
-- params: none
e.id, e.project_id, e.name, e.description, e.status, e.version, e.created_at, e.updated_at, e.external_source,
  e.external_id
;

-- fragment: epic_row
-- params: none
-- columns: id int8, project_id int8, name text, description text?, status text, version int4,
--   created_at timestamptz, updated_at timestamptz, external_source text?, external_id text?
e.id, e.project_id, e.name, e.description, e.status, e.version, e.created_at, e.updated_at, e.external_source,
  e.external_id
;

-- The project that something is made in, of a statement that has its id as $9; it is not completed or deleted
-- meanwhile.
-- fragment: place
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8
place AS MATERIALIZED (
  SELECT p.id, p.owner_id, p.status <> 'completed' OR $4 AS open
  FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND p.id = $9 AND p.organization_id = $1 AND p.deleted_at IS NULL
  FOR SHARE OF p)
;

-- statement: epic_create
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, name text, description text?, status text,
--   external_source text?, external_id text?, created_at timestamptz?
-- columns: rank int4?, {{epic_row}}, project_found bool, project_open bool?
-- found: id
WITH {{caller}}, {{fresh}}, {{place}},
written AS (
  INSERT INTO epics AS e (organization_id, project_id, name, description, status, external_source, external_id, created_at)
  SELECT $1, p.id, $10, $11, $12, $13, $14, coalesce($15, now()) FROM place p WHERE p.open
  RETURNING {{epic_columns}}),
activity AS (
  SELECT e.project_id, 'epic' AS entity_type, e.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written e),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(e.id)) AS result FROM written e),
{{recorded}}
SELECT c.rank, {{epic_row}}, p.id IS NOT NULL AS project_found, p.open AS project_open
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN written e ON true;

-- statement: epic_get
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, id int8
-- columns: rank int4?, {{epic_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{epic_row}}
FROM caller c
LEFT JOIN (
  SELECT {{epic_columns}}
  FROM epics e JOIN projects p ON p.id = e.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3 AND e.id = $5 AND e.organization_id = $1 AND e.deleted_at IS NULL) e ON true;

-- What an epic must be to be listed: of epics e.
-- fragment: epic_filter
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   statuses text[]
e.organization_id = $1 AND e.project_id = $5 AND e.deleted_at IS NULL
  AND (cardinality($7::text[]) = 0 OR e.status = ANY ($7::text[]))
;

-- statement: epic_list
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   statuses text[], total_most int4, after int8
-- columns: rank int4?, {{epic_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
place AS MATERIALIZED (
  SELECT p.id FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{epic_row}}, p.id IS NOT NULL AS project_found,
  CASE WHEN $8::int4 > 0 THEN (
    SELECT count(*) FROM (
      SELECT FROM place p CROSS JOIN epics e WHERE {{epic_filter}} ORDER BY e.id LIMIT $8::int4) e) END AS total
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN (
  SELECT {{epic_columns}}
  FROM place p CROSS JOIN epics e
  WHERE {{epic_filter}} AND e.id > $9::int8
  ORDER BY e.id LIMIT $6::int4) e ON true
ORDER BY e.id;

-- statement: epic_update
-- The mask is 1 name, 2 description, 4 status.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, id int8, expected_version int4, mask int4, name text?,
--   description text?, status text?
-- columns: rank int4?, {{epic_row}}, written bool, version_ok bool?, project_open bool?
-- found: id
-- wrote: written
WITH {{caller}}, {{fresh}},
old AS MATERIALIZED (
  SELECT {{epic_columns}}, p.status <> 'completed' OR $4 AS project_open
  FROM epics e JOIN projects p ON p.id = e.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND e.id = $9 AND e.organization_id = $1 AND e.deleted_at IS NULL
  FOR NO KEY UPDATE OF e),
new AS MATERIALIZED (
  SELECT o.id, $10::int4 = 0 OR o.version = $10::int4 AS version_ok, o.project_open,
    CASE WHEN $11 & 1 <> 0 THEN $12 ELSE o.name END AS name,
    CASE WHEN $11 & 2 <> 0 THEN $13 ELSE o.description END AS description,
    CASE WHEN $11 & 4 <> 0 THEN $14 ELSE o.status END AS status
  FROM old o),
written AS (
  UPDATE epics e
  SET name = n.name, description = n.description, status = n.status, version = e.version + 1, updated_at = now()
  FROM new n JOIN old o ON o.id = n.id
  WHERE e.id = n.id AND n.version_ok AND n.project_open
    AND (n.name, n.description, n.status) IS DISTINCT FROM (o.name, o.description, o.status)
  RETURNING {{epic_columns}}),
activity AS (
  SELECT e.project_id, 'epic' AS entity_type, e.id::text AS entity_id, 'update' AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'name', CASE WHEN e.name <> o.name THEN jsonb_build_object('old', o.name, 'new', e.name) END,
      'description', CASE WHEN e.description IS DISTINCT FROM o.description THEN '{"changed": true}'::jsonb END,
      'status', CASE WHEN e.status <> o.status THEN jsonb_build_object('old', o.status, 'new', e.status) END)) AS changes
  FROM written e JOIN old o ON o.id = e.id),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(e.id)) AS result FROM written e),
{{recorded}}
SELECT c.rank, {{epic_row}}, EXISTS (SELECT FROM written) AS written, n.version_ok, n.project_open
FROM caller c
LEFT JOIN new n ON true
LEFT JOIN (
  SELECT w.* FROM written w
  UNION ALL
  SELECT {{epic_columns}} FROM old e WHERE NOT EXISTS (SELECT FROM written)) e ON true;

-- statement: epic_upsert
-- After project_lock. The effect is 1 created, 2 updated, 3 unchanged, 4 deleted before: it stays so.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, external_source text, external_ids text[],
--   names text[], descriptions text[], statuses text[], created_ats timestamptz[]
-- columns: rank int4?, id int8?, effect int4?, project_found bool, project_open bool?
-- found: id
WITH {{caller}}, {{fresh}}, {{place}},
item AS MATERIALIZED (
  SELECT i.n, i.external_id, i.name, i.description, i.status, i.created_at, o.id, o.deleted, o.was
  FROM place p CROSS JOIN unnest($11::text[], $12::text[], $13::text[], $14::text[], $15::timestamptz[]) WITH ORDINALITY
    AS i(external_id, name, description, status, created_at, n)
  LEFT JOIN LATERAL (
    SELECT e.id, e.deleted_at IS NOT NULL AS deleted, e AS was FROM epics e
    WHERE e.project_id = p.id AND e.external_source = $10 AND e.external_id = i.external_id FOR NO KEY UPDATE) o ON true
  WHERE p.open),
changed AS (
  UPDATE epics e
  SET name = i.name, description = i.description, status = i.status, version = e.version + 1, updated_at = now()
  FROM item i
  WHERE e.id = i.id AND NOT i.deleted
    AND (e.name, e.description, e.status) IS DISTINCT FROM (i.name, i.description, i.status)
  RETURNING e.id, e.project_id, jsonb_strip_nulls(jsonb_build_object(
      'name', CASE WHEN i.name <> (i.was).name THEN jsonb_build_object('old', (i.was).name, 'new', i.name) END,
      'description', CASE WHEN i.description IS DISTINCT FROM (i.was).description THEN '{"changed": true}'::jsonb END,
      'status', CASE WHEN i.status <> (i.was).status THEN jsonb_build_object('old', (i.was).status, 'new', i.status) END
    )) AS changes),
written AS (
  INSERT INTO epics (organization_id, project_id, name, description, status, external_source, external_id, created_at)
  SELECT $1, $9, i.name, i.description, i.status, $10, i.external_id, coalesce(i.created_at, now())
  FROM item i WHERE i.id IS NULL ORDER BY i.n
  RETURNING id, project_id, external_id),
activity AS (
  SELECT w.project_id, 'epic' AS entity_type, w.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written w
  UNION ALL SELECT c.project_id, 'epic', c.id::text, 'update', c.changes FROM changed c),
effect AS (SELECT '{}'::jsonb AS result WHERE false),
{{recorded}}
SELECT c.rank, coalesce(i.id, w.id) AS id,
  CASE WHEN i.n IS NULL THEN NULL WHEN i.id IS NULL THEN 1 WHEN x.id IS NOT NULL THEN 2 WHEN i.deleted THEN 4 ELSE 3 END
    AS effect,
  p.id IS NOT NULL AS project_found, p.open AS project_open
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN item i ON true
LEFT JOIN written w ON w.external_id = i.external_id
LEFT JOIN changed x ON x.id = i.id
ORDER BY i.n;
