-- Organizations: the tenants.

-- fragment: organization_columns
-- params: none
o.id, o.name, o.slug, o.owner_id, o.settings, o.version, o.created_at, o.updated_at
;

-- fragment: organization_row
-- params: none
-- columns: id int8, name text, slug text, owner_id uuid, settings jsonb, version int4, created_at timestamptz,
--   updated_at timestamptz
o.id, o.name, o.slug, o.owner_id, o.settings, o.version, o.created_at, o.updated_at
;

-- What of the settings in the relation `given` is not what it must be: the paths of those that PRISM knows, and one
-- row of `misset` for each that is wrong. The others are free.
-- fragment: misset
-- params: none
misset AS MATERIALIZED (
  SELECT k.path
  FROM given g CROSS JOIN LATERAL (VALUES
    ('limits', 'object', g.settings->'limits'),
    ('limits.max_members', 'number', g.settings #> '{limits,max_members}'),
    ('limits.max_projects', 'number', g.settings #> '{limits,max_projects}')) AS k(path, type, value)
  WHERE CASE WHEN k.value IS NULL THEN false
             WHEN jsonb_typeof(k.value) <> k.type THEN true
             WHEN k.type = 'number' THEN k.value::numeric < 0 OR k.value::numeric % 1 <> 0
             ELSE false END)
;

-- statement: organization_create
-- A slug that was made of the name is tried with -2, -3 ... until one is free; who takes the same one at the
-- same time meets its unique key, and the handler tries again.
-- lane: write
-- tenant: no (it does not exist yet; for the scope system)
-- params: actor uuid?, system bool, principal_id int8, request_id uuid?, method text, request_hash bytea?,
--   name text, slug text, slug_given bool, owner_id uuid, settings jsonb
-- columns: {{organization_row}}, owner_found bool, owner_active bool, misset text?
-- found: id
WITH RECURSIVE {{fresh_alone}},
given AS MATERIALIZED (SELECT $11::jsonb AS settings),
{{misset}},
owner AS MATERIALIZED (
  SELECT u.id, u.status = 'active' AS active FROM users u
  WHERE u.id = $10 AND u.deleted_at IS NULL FOR SHARE),
tried AS (
  SELECT 1 AS n, $8::text AS slug
  UNION ALL
  SELECT t.n + 1, rtrim(left($8::text, 99 - length((t.n + 1)::text)), '-') || '-' || (t.n + 1)
  FROM tried t
  WHERE NOT $9 AND t.n < 10000 AND EXISTS (SELECT FROM organizations o WHERE o.slug = t.slug OFFSET 0)),
chosen AS MATERIALIZED (
  SELECT l.slug FROM (SELECT t.slug FROM tried t ORDER BY t.n DESC LIMIT 1) l
  WHERE $9 OR NOT EXISTS (SELECT FROM organizations o WHERE o.slug = l.slug OFFSET 0)),
written AS (
  INSERT INTO organizations AS o (name, slug, owner_id, settings)
  SELECT $7, c.slug, w.id, $11::jsonb
  FROM chosen c CROSS JOIN owner w
  WHERE $2::bool AND (SELECT ok FROM fresh) AND w.active AND NOT EXISTS (SELECT FROM misset)
  RETURNING {{organization_columns}}),
joined AS (
  INSERT INTO organization_members (organization_id, user_id, role)
  SELECT o.id, o.owner_id, 'admin' FROM written o),
activity AS (
  SELECT o.id AS organization_id, 'organization' AS entity_type, o.id::text AS entity_id, 'create' AS verb,
    '{}'::jsonb AS changes
  FROM written o),
effect AS (
  SELECT o.id AS organization_id, jsonb_build_object('ids', jsonb_build_array(o.id)) AS result FROM written o),
{{recorded_alone}}
SELECT {{organization_row}}, w.id IS NOT NULL AS owner_found, w.active IS TRUE AS owner_active,
  (SELECT min(path) FROM misset) AS misset
FROM (SELECT 1) one
LEFT JOIN owner w ON true
LEFT JOIN written o ON true;

-- statement: organization_get
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool
-- columns: rank int4?, {{organization_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{organization_row}}
FROM caller c
LEFT JOIN organizations o ON o.id = $1 AND c.rank >= $3;

-- statement: organization_get_by_slug
-- lane: read
-- tenant: no (the slug says which one; membership decides)
-- params: actor uuid?, system bool, slug text
-- columns: {{organization_row}}
-- found: id
SELECT {{organization_row}}
FROM organizations o
WHERE o.slug = lower($3) AND o.deleted_at IS NULL
  AND ($2::bool OR EXISTS (
    SELECT FROM organization_members m JOIN users u ON u.id = m.user_id
    WHERE m.organization_id = o.id AND m.user_id = $1::uuid AND u.status = 'active' AND u.deleted_at IS NULL OFFSET 0));

-- statement: organization_list
-- Those of the actor.
-- lane: read
-- tenant: no (those of the actor)
-- params: actor uuid, max_rows int4, after int8
-- columns: {{organization_row}}
-- found: id
SELECT {{organization_row}}
FROM organization_members m
JOIN LATERAL (
  SELECT {{organization_columns}} FROM organizations o
  WHERE o.id = m.organization_id AND o.deleted_at IS NULL OFFSET 0) o ON true
WHERE m.user_id = $1 AND m.organization_id > $3
  AND (SELECT u.status = 'active' AND u.deleted_at IS NULL FROM users u WHERE u.id = $1)
ORDER BY m.organization_id LIMIT $2::int4;

-- statement: organization_list_all
-- lane: read
-- tenant: no (for the scope system)
-- params: max_rows int4, after int8
-- columns: {{organization_row}}
-- found: id
SELECT {{organization_row}}
FROM organizations o
WHERE o.deleted_at IS NULL AND o.id > $2
ORDER BY o.id LIMIT $1::int4;

-- statement: organization_lock
-- The lock under which an organization's members and projects are counted, and keys of its projects are chosen.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool
-- columns: id int8
-- found: id
WITH {{caller}}
SELECT o.id FROM organizations o
WHERE o.id = $1 AND (SELECT rank FROM caller) >= $3
FOR NO KEY UPDATE OF o;

-- statement: organization_update
-- The mask is 1 name, 2 slug, 4 settings.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, expected_version int4, mask int4, name text?, slug text?,
--   settings jsonb?
-- columns: rank int4?, {{organization_row}}, version_ok bool?, misset text?
-- found: id
WITH {{caller}}, {{fresh}},
given AS MATERIALIZED (SELECT $13::jsonb AS settings WHERE $10 & 4 <> 0),
{{misset}},
old AS MATERIALIZED (
  SELECT {{organization_columns}}
  FROM organizations o
  WHERE o.id = $1 AND (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
  FOR NO KEY UPDATE),
new AS MATERIALIZED (
  SELECT o.id, $9::int4 = 0 OR o.version = $9::int4 AS version_ok,
    CASE WHEN $10 & 1 <> 0 THEN $11 ELSE o.name END AS name,
    CASE WHEN $10 & 2 <> 0 THEN $12 ELSE o.slug END AS slug,
    CASE WHEN $10 & 4 <> 0 THEN $13::jsonb ELSE o.settings END AS settings
  FROM old o),
written AS (
  UPDATE organizations o
  SET name = n.name, slug = n.slug, settings = n.settings, version = o.version + 1, updated_at = now()
  FROM new n JOIN old x ON x.id = n.id
  WHERE o.id = n.id AND n.version_ok AND NOT EXISTS (SELECT FROM misset)
    AND (n.name, n.slug, n.settings) IS DISTINCT FROM (x.name, x.slug, x.settings)
  RETURNING {{organization_columns}}),
activity AS (
  SELECT NULL::bigint AS project_id, 'organization' AS entity_type, o.id::text AS entity_id, 'update' AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'name', CASE WHEN o.name <> x.name THEN jsonb_build_object('old', x.name, 'new', o.name) END,
      'slug', CASE WHEN o.slug <> x.slug THEN jsonb_build_object('old', x.slug, 'new', o.slug) END,
      'settings', CASE WHEN o.settings <> x.settings THEN '{"changed": true}'::jsonb END)) AS changes
  FROM written o JOIN old x ON x.id = o.id),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(o.id)) AS result FROM written o),
{{recorded}}
SELECT c.rank, {{organization_row}}, n.version_ok, (SELECT min(path) FROM misset) AS misset
FROM caller c
LEFT JOIN new n ON true
LEFT JOIN (
  SELECT w.* FROM written w
  UNION ALL SELECT x.* FROM old x WHERE NOT EXISTS (SELECT FROM written)) o ON true;

-- statement: organization_transfer
-- After organization_lock. To an active member who is no viewer; they become an admin.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, user_id uuid
-- columns: rank int4?, {{organization_row}}, able bool?
-- found: id
WITH {{caller}}, {{fresh}},
able AS MATERIALIZED (
  SELECT m.id FROM organization_members m JOIN users u ON u.id = m.user_id
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND m.organization_id = $1 AND m.user_id = $9 AND m.role <> 'viewer' AND u.status = 'active'
    AND u.deleted_at IS NULL
  FOR NO KEY UPDATE OF m FOR SHARE OF u),
raised AS (
  UPDATE organization_members m SET role = 'admin', version = m.version + 1
  FROM able a, organization_members was
  WHERE m.id = a.id AND was.id = a.id AND m.role <> 'admin'
  RETURNING m.user_id, was.role AS old_role),
written AS (
  UPDATE organizations o SET owner_id = $9, version = o.version + 1, updated_at = now()
  FROM able a, (SELECT x.owner_id FROM organizations x WHERE x.id = $1) was
  WHERE o.id = $1 AND o.owner_id <> $9
  RETURNING {{organization_columns}}, was.owner_id AS old_owner_id),
activity AS (
  SELECT NULL::bigint AS project_id, 'organization' AS entity_type, o.id::text AS entity_id,
    'transfer_ownership' AS verb,
    jsonb_build_object('owner_id', jsonb_build_object('old', o.old_owner_id, 'new', o.owner_id)) AS changes
  FROM written o
  UNION ALL
  SELECT NULL, 'member', r.user_id::text, 'update',
    jsonb_build_object('role', jsonb_build_object('old', r.old_role, 'new', 'admin'))
  FROM raised r),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(o.id)) AS result FROM written o),
{{recorded}}
SELECT c.rank, {{organization_row}}, EXISTS (SELECT FROM able) AS able
FROM caller c
LEFT JOIN (
  SELECT w.id, w.name, w.slug, w.owner_id, w.settings, w.version, w.created_at, w.updated_at FROM written w
  UNION ALL
  SELECT {{organization_columns}} FROM organizations o, able a
  WHERE o.id = $1 AND NOT EXISTS (SELECT FROM written)) o ON true;
