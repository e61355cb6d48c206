-- Memberships: who belongs to an organization, in which role.

-- fragment: member_columns
-- params: none
m.id, m.user_id, m.role, o.owner_id = m.user_id AS is_owner, u.email, u.username, u.full_name,
  u.status = 'active' AND u.deleted_at IS NULL AS active, m.version, m.joined_at
;

-- fragment: member_row
-- params: none
-- columns: id int8, user_id uuid, role text, is_owner bool, email text, username text, full_name text?, active bool,
--   version int4, joined_at timestamptz
m.id, m.user_id, m.role, m.is_owner, m.email, m.username, m.full_name, m.active, m.version, m.joined_at
;

-- statement: member_get
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, user_id uuid
-- columns: rank int4?, {{member_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{member_row}}
FROM caller c
LEFT JOIN (
  SELECT {{member_columns}}
  FROM organization_members m
  JOIN users u ON u.id = m.user_id
  JOIN organizations o ON o.id = m.organization_id
  WHERE (SELECT rank FROM caller) >= $3 AND m.organization_id = $1 AND m.user_id = $5) m ON true;

-- statement: member_list
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, max_rows int4, roles text[], after uuid?
-- columns: rank int4?, {{member_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{member_row}}
FROM caller c
LEFT JOIN (
  SELECT {{member_columns}}
  FROM organization_members m
  JOIN LATERAL (
    SELECT u.email, u.username, u.full_name, u.status, u.deleted_at FROM users u WHERE u.id = m.user_id OFFSET 0) u ON true
  JOIN organizations o ON o.id = $1
  WHERE (SELECT rank FROM caller) >= $3 AND m.organization_id = $1
    AND (cardinality($6::text[]) = 0 OR m.role = ANY ($6::text[]))
    AND ($7::uuid IS NULL OR m.user_id > $7::uuid)
  ORDER BY m.user_id LIMIT $5::int4) m ON true
ORDER BY m.user_id;

-- The organization's setting limits.max_members (NULL: none), and whether that many are members: whoever is one counts,
-- inactive ones and viewers too. After organization_lock.
-- fragment: member_limit
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?
room AS MATERIALIZED (
  SELECT l.most, CASE WHEN l.most IS NOT NULL THEN l.most - (
      SELECT count(*) FROM organization_members m WHERE m.organization_id = $1) END AS left
  FROM caller c CROSS JOIN LATERAL (
    SELECT CASE jsonb_typeof(o.settings #> '{limits,max_members}') WHEN 'number'
      THEN (o.settings #> '{limits,max_members}')::numeric END AS most
    FROM organizations o WHERE o.id = $1 OFFSET 0) l
  WHERE c.rank >= $3 AND (SELECT ok FROM fresh))
;

-- statement: member_add
-- After organization_lock. Who is a member already is told that, whatever the limit.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, user_id uuid, role text
-- columns: rank int4?, {{member_row}}, user_active bool?, limit_met text?
-- found: id
WITH {{caller}}, {{fresh}}, {{member_limit}},
newcomer AS MATERIALIZED (
  SELECT u.id, u.email, u.username, u.full_name, u.status = 'active' AS active
  FROM users u
  WHERE u.id = $9 AND u.deleted_at IS NULL AND (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
  FOR SHARE),
written AS (
  INSERT INTO organization_members (organization_id, user_id, role)
  SELECT $1, u.id, $10 FROM newcomer u CROSS JOIN room r
  WHERE u.active AND (r.left IS NULL OR r.left >= 1 OR EXISTS (
    SELECT FROM organization_members m WHERE m.organization_id = $1 AND m.user_id = u.id OFFSET 0))
  RETURNING id, user_id, role, version, joined_at),
activity AS (
  SELECT NULL::bigint AS project_id, 'member' AS entity_type, w.user_id::text AS entity_id, 'add' AS verb,
    jsonb_build_object('role', jsonb_build_object('new', w.role)) AS changes
  FROM written w),
effect AS (SELECT jsonb_build_object('uuids', jsonb_build_array(w.user_id)) AS result FROM written w),
{{recorded}}
SELECT c.rank, {{member_row}}, x.active AS user_active, CASE WHEN r.left < 1 THEN r.most::text END AS limit_met
FROM caller c
LEFT JOIN room r ON true
LEFT JOIN newcomer x ON true
LEFT JOIN (
  SELECT w.id, w.user_id, w.role, false AS is_owner, u.email, u.username, u.full_name, u.active, w.version, w.joined_at
  FROM written w JOIN newcomer u ON u.id = w.user_id) m ON true;

-- An active admin besides the user of $9, who stays one until this is committed: nobody is counted who becomes
-- inactive meanwhile. Evaluated only where it is asked for.
-- fragment: other_admin
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, user_id uuid
other_admin AS MATERIALIZED (
  SELECT u.id FROM organization_members m JOIN users u ON u.id = m.user_id
  WHERE m.organization_id = $1 AND m.role = 'admin' AND m.user_id <> $9 AND u.status = 'active'
    AND u.deleted_at IS NULL
  LIMIT 1 FOR SHARE OF u)
;

-- statement: member_update_role
-- After organization_lock: the other admins are those that everybody else has left.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, user_id uuid, role text, expected_version int4
-- columns: rank int4?, {{member_row}}, version_ok bool?, owner_protected bool?, own_role bool?, last_admin bool?
-- found: id
WITH {{caller}}, {{fresh}},
old AS MATERIALIZED (
  SELECT {{member_columns}}
  FROM organization_members m
  JOIN users u ON u.id = m.user_id
  JOIN organizations o ON o.id = m.organization_id
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh) AND m.organization_id = $1 AND m.user_id = $9
  FOR NO KEY UPDATE OF m),
{{other_admin}},
judged AS MATERIALIZED (
  SELECT m.id, $11::int4 = 0 OR m.version = $11::int4 AS version_ok, m.is_owner AND $10 <> 'admin' AS owner_protected,
    m.user_id IS NOT DISTINCT FROM $2 AND array_position('{viewer,member,admin}'::text[], $10::text)
      > array_position('{viewer,member,admin}'::text[], m.role::text) AS own_role,
    m.role = 'admin' AND $10 <> 'admin' AND NOT EXISTS (SELECT FROM other_admin) AS last_admin
  FROM old m),
written AS (
  UPDATE organization_members m SET role = $10, version = m.version + 1
  FROM judged j
  WHERE m.id = j.id AND m.role <> $10 AND j.version_ok AND NOT j.owner_protected AND NOT j.own_role
    AND NOT j.last_admin
  RETURNING m.id, m.user_id, m.role, m.version),
activity AS (
  SELECT NULL::bigint AS project_id, 'member' AS entity_type, w.user_id::text AS entity_id, 'update' AS verb,
    jsonb_build_object('role', jsonb_build_object('old', m.role, 'new', w.role)) AS changes
  FROM written w JOIN old m ON m.id = w.id),
effect AS (SELECT jsonb_build_object('uuids', jsonb_build_array(w.user_id)) AS result FROM written w),
{{recorded}}
SELECT c.rank, {{member_row}}, j.version_ok, j.owner_protected, j.own_role, j.last_admin
FROM caller c
LEFT JOIN judged j ON true
LEFT JOIN (
  SELECT o.id, o.user_id, coalesce(w.role, o.role) AS role, o.is_owner, o.email, o.username, o.full_name, o.active,
    coalesce(w.version, o.version) AS version, o.joined_at
  FROM old o LEFT JOIN written w ON w.id = o.id) m ON true;

-- statement: member_lock
-- organization_lock, and the lock that whoever gives the member work shares: what was given is seen by who removes it.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, user_id uuid
-- columns: user_id uuid
-- found: user_id
WITH {{caller}},
held AS MATERIALIZED (
  SELECT o.id FROM organizations o WHERE o.id = $1 AND (SELECT rank FROM caller) >= $3 FOR NO KEY UPDATE OF o)
SELECT m.user_id
FROM organization_members m
WHERE (SELECT count(*) FROM held) > 0 AND m.organization_id = $1 AND m.user_id = $5
FOR UPDATE OF m;

-- statement: member_remove
-- After member_lock. What the member has not done yet goes to somebody else, or to nobody. The owned
-- projects are a list of ids for people, of 20 at most and "..." for the others.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, user_id uuid, reassign_to uuid?
-- columns: rank int4?, id int8?, reassigned int8, owner_protected bool?, last_admin bool?, owned_projects text?,
--   heir_ok bool?
-- found: id
WITH {{caller}}, {{fresh}},
old AS MATERIALIZED (
  SELECT m.id, m.role, o.owner_id = m.user_id AS is_owner
  FROM organization_members m JOIN organizations o ON o.id = m.organization_id
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh) AND m.organization_id = $1 AND m.user_id = $9
  FOR UPDATE OF m),
{{other_admin}},
judged AS MATERIALIZED (
  SELECT m.id, m.is_owner AS owner_protected,
    m.role = 'admin' AND NOT EXISTS (SELECT FROM other_admin) AS last_admin,
    (SELECT string_agg(CASE WHEN o.n > 20 THEN '...' ELSE o.id::text END, ', ' ORDER BY o.n)
     FROM (
       SELECT p.id, row_number() OVER (ORDER BY p.id) AS n FROM projects p
       WHERE p.organization_id = $1 AND p.owner_id = $9 AND p.deleted_at IS NULL
       ORDER BY p.id LIMIT 21) o) AS owned_projects,
    $10::uuid IS NULL OR ($10::uuid <> $9 AND EXISTS (
      SELECT FROM organization_members x JOIN users y ON y.id = x.user_id
      WHERE x.organization_id = $1 AND x.user_id = $10::uuid AND x.role <> 'viewer' AND y.status = 'active'
        AND y.deleted_at IS NULL OFFSET 0)) AS heir_ok
  FROM old m),
removed AS (
  DELETE FROM organization_members m USING judged j
  WHERE m.id = j.id AND NOT j.owner_protected AND NOT j.last_admin AND j.owned_projects IS NULL AND j.heir_ok
  RETURNING m.id, m.user_id, m.role),
work AS MATERIALIZED (
  SELECT s.id
  FROM (
    SELECT t.id FROM removed r
    CROSS JOIN LATERAL (
      SELECT t.id, t.organization_id FROM stories t
      WHERE t.assignee_id = r.user_id AND t.status <> 'done' AND t.deleted_at IS NULL OFFSET 0) t
    WHERE t.organization_id = $1
    ORDER BY t.id) t
  CROSS JOIN LATERAL (SELECT s.id FROM stories s WHERE s.id = t.id FOR NO KEY UPDATE) s),
reassigned AS (
  UPDATE stories s SET assignee_id = $10::uuid, version = s.version + 1, updated_at = now()
  FROM work w
  WHERE s.id = w.id AND s.assignee_id = $9 AND s.status <> 'done' AND s.deleted_at IS NULL
  RETURNING s.id, s.project_id),
activity AS (
  SELECT NULL::bigint AS project_id, 'member' AS entity_type, r.user_id::text AS entity_id, 'remove' AS verb,
    jsonb_build_object('role', jsonb_build_object('old', r.role)) AS changes
  FROM removed r
  UNION ALL
  SELECT s.project_id, 'story', s.id::text, 'update',
    jsonb_build_object('assignee_id', jsonb_strip_nulls(jsonb_build_object('old', $9, 'new', $10::uuid)))
  FROM reassigned s),
effect AS (SELECT jsonb_build_object('fact', (SELECT count(*) FROM reassigned)) AS result FROM removed r),
{{recorded}}
SELECT c.rank, r.id, (SELECT count(*) FROM reassigned) AS reassigned, j.owner_protected, j.last_admin,
  j.owned_projects, j.heir_ok
FROM caller c
LEFT JOIN judged j ON true
LEFT JOIN removed r ON true;

-- statement: member_upsert
-- Adds those who are no members yet. After organization_lock.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, user_ids uuid[], role text
-- columns: rank int4?, added int8, fault int8?, limit_met text?
WITH {{caller}}, {{fresh}}, {{member_limit}},
item AS MATERIALIZED (
  SELECT i.n, i.id, u.id IS NOT NULL AS able, m.known IS TRUE AS known
  FROM (SELECT i.id, i.n FROM unnest($9::uuid[]) WITH ORDINALITY AS i(id, n) ORDER BY i.id) i
  LEFT JOIN LATERAL (
    SELECT u.id FROM users u WHERE u.id = i.id AND u.status = 'active' AND u.deleted_at IS NULL FOR SHARE) u ON true
  LEFT JOIN LATERAL (
    SELECT true AS known FROM organization_members m WHERE m.organization_id = $1 AND m.user_id = i.id OFFSET 0) m ON true
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)),
fault AS MATERIALIZED (SELECT min(i.n) FILTER (WHERE NOT i.able AND NOT i.known) AS n FROM item i),
crowded AS MATERIALIZED (
  SELECT r.most FROM room r CROSS JOIN (SELECT count(*) AS n FROM item i WHERE NOT i.known) x
  WHERE x.n > 0 AND r.left < x.n),
written AS (
  INSERT INTO organization_members (organization_id, user_id, role)
  SELECT $1, i.id, $10 FROM item i
  WHERE NOT i.known AND (SELECT n FROM fault) IS NULL AND NOT EXISTS (SELECT FROM crowded)
  ORDER BY i.id
  RETURNING user_id, role),
activity AS (
  SELECT NULL::bigint AS project_id, 'member' AS entity_type, w.user_id::text AS entity_id, 'add' AS verb,
    jsonb_build_object('role', jsonb_build_object('new', w.role)) AS changes
  FROM written w),
effect AS (SELECT '{}'::jsonb AS result WHERE false),
{{recorded}}
SELECT c.rank, (SELECT count(*) FROM written) AS added, f.n AS fault, (SELECT most::text FROM crowded) AS limit_met
FROM caller c LEFT JOIN fault f ON true;
