-- Users: outside of any organization.

-- Of writes that no organization is the place of: as fresh and recorded (write.sql). The relation activity has
-- organization_id besides, and effect has it too: NULL for a user's.
-- fragment: fresh_alone
-- params: actor uuid?, system bool, principal_id int8, request_id uuid?, method text, request_hash bytea?
fresh AS MATERIALIZED (
  SELECT $4::uuid IS NULL OR NOT EXISTS (
    SELECT FROM idempotency_keys
    WHERE principal_id = $3 AND actor_id = coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
      AND request_id = $4::uuid OFFSET 0) AS ok)
;

-- fragment: recorded_alone
-- params: actor uuid?, system bool, principal_id int8, request_id uuid?, method text, request_hash bytea?
logged AS (
  INSERT INTO activity_log (organization_id, project_id, entity_type, entity_id, verb, actor_id,
    principal_id, request_id, changes)
  SELECT a.organization_id, NULL, a.entity_type, a.entity_id, a.verb, $1, $3, $4, a.changes
  FROM activity a),
keyed AS (
  INSERT INTO idempotency_keys (principal_id, actor_id, request_id, method, request_hash,
    organization_id, result)
  SELECT $3, coalesce($1::uuid, '00000000-0000-0000-0000-000000000000'), $4, $5, $6::bytea,
    e.organization_id, e.result
  FROM effect e WHERE $4::uuid IS NOT NULL)
;

-- fragment: user_columns
-- params: none
u.id, u.email, u.username, u.full_name, u.status, u.email_verified, u.version, u.created_at, u.updated_at
;

-- fragment: user_row
-- params: none
-- columns: id uuid, email text, username text, full_name text?, status text, email_verified bool,
--   version int4, created_at timestamptz, updated_at timestamptz
u.id, u.email, u.username, u.full_name, u.status, u.email_verified, u.version, u.created_at, u.updated_at
;

-- statement: user_create
-- lane: write
-- tenant: no (a user is of no organization; for the scope system)
-- params: actor uuid?, system bool, principal_id int8, request_id uuid?, method text, request_hash bytea?,
--   id uuid, email text, username text, full_name text?, status text, email_verified bool
-- columns: {{user_row}}
-- found: id
WITH {{fresh_alone}},
written AS (
  INSERT INTO users AS u (id, email, username, full_name, status, email_verified)
  SELECT $7, $8, $9, $10, $11::text::user_status, $12
  WHERE $2::bool AND (SELECT ok FROM fresh)
  RETURNING {{user_columns}}),
activity AS (
  SELECT NULL::bigint AS organization_id, 'user' AS entity_type, u.id::text AS entity_id, 'create' AS verb,
    '{}'::jsonb AS changes
  FROM written u),
effect AS (
  SELECT NULL::bigint AS organization_id, jsonb_build_object('uuids', jsonb_build_array(u.id)) AS result
  FROM written u),
{{recorded_alone}}
SELECT {{user_row}} FROM written u;

-- statement: user_get
-- Those that the actor may see: themselves, and who shares an organization with them. In the order of the ids.
-- (SELECT $3): as in story_batch_get.
-- lane: read
-- tenant: no (a user is of no organization; shared memberships decide)
-- params: actor uuid?, system bool, ids uuid[]
-- columns: {{user_row}}
-- found: id
SELECT {{user_row}}
FROM unnest((SELECT $3::uuid[])) WITH ORDINALITY AS i(id, n)
JOIN LATERAL (
  SELECT {{user_columns}}
  FROM users u
  WHERE u.id = i.id AND u.deleted_at IS NULL
    AND ($2::bool
      OR (EXISTS (SELECT FROM users a WHERE a.id = $1::uuid AND a.status = 'active' AND a.deleted_at IS NULL OFFSET 0)
        AND (u.id = $1::uuid OR EXISTS (
          SELECT FROM organization_members mine
          JOIN organization_members theirs ON theirs.organization_id = mine.organization_id
          JOIN organizations o ON o.id = mine.organization_id AND o.deleted_at IS NULL
          WHERE mine.user_id = $1::uuid AND theirs.user_id = i.id OFFSET 0))))
  OFFSET 0) u ON true
ORDER BY i.n;

-- statement: user_lookup
-- lane: read
-- prepare: no (one of the two is NULL, and falls away)
-- tenant: no (for the scope system)
-- params: email text?, username text?
-- columns: {{user_row}}
-- found: id
SELECT {{user_row}}
FROM users u
WHERE u.deleted_at IS NULL AND (lower(u.email) = lower($1::text) OR lower(u.username) = lower($2::text));

-- statement: user_list
-- lane: read
-- prepare: no (filters that are not set become constants)
-- tenant: no (for the scope system)
-- params: max_rows int4, statuses text[], contains text?, after uuid?
-- columns: {{user_row}}
-- found: id
SELECT {{user_row}}
FROM users u
WHERE u.deleted_at IS NULL
  AND (cardinality($2::text[]) = 0 OR u.status::text = ANY ($2::text[]))
  AND ($3::text IS NULL OR strpos(lower(u.email || ' ' || u.username || ' ' || coalesce(u.full_name, '')), lower($3::text)) > 0)
  AND ($4::uuid IS NULL OR u.id > $4::uuid)
ORDER BY u.id LIMIT $1::int4;

-- statement: user_lock
-- The organizations of a user who may become inactive, so that their admins are counted by one at a time; then the
-- user, so that what is made theirs meanwhile (FOR SHARE of an owner, of a new member) is seen. In this order, which
-- is everybody's.
-- lane: write
-- tenant: no (a user's organizations)
-- params: id uuid
-- columns: id uuid
WITH locked AS MATERIALIZED (
  SELECT o.id
  FROM organization_members m JOIN organizations o ON o.id = m.organization_id
  WHERE m.user_id = $1
  ORDER BY o.id
  FOR NO KEY UPDATE OF o)
SELECT u.id FROM users u
WHERE u.id = $1 AND (SELECT count(*) FROM locked) >= 0
FOR NO KEY UPDATE OF u;

-- statement: user_update
-- The mask is 1 full_name, 2 username, 4 email, 8 email_verified, 16 status. After user_lock when the status is
-- in it.
-- lane: write
-- tenant: no (a user is of no organization; the actor themselves, or the scope system)
-- params: actor uuid?, system bool, principal_id int8, request_id uuid?, method text, request_hash bytea?,
--   id uuid, expected_version int4, mask int4, full_name text?, username text?, email text?,
--   email_verified bool, status text?
-- columns: {{user_row}}, version_ok bool?, transition_ok bool?, owns bool?, last_admin bool?
-- found: id
WITH {{fresh_alone}},
old AS MATERIALIZED (
  SELECT {{user_columns}}
  FROM users u
  WHERE u.id = $7 AND u.deleted_at IS NULL AND (SELECT ok FROM fresh)
    AND ($2::bool OR (u.id = $1::uuid AND u.status = 'active'))
  FOR NO KEY UPDATE),
new AS MATERIALIZED (
  SELECT o.id,
    CASE WHEN $9 & 1 <> 0 THEN $10 ELSE o.full_name END AS full_name,
    CASE WHEN $9 & 2 <> 0 THEN $11 ELSE o.username END AS username,
    CASE WHEN $9 & 4 <> 0 THEN $12 ELSE o.email END AS email,
    CASE WHEN $9 & 8 <> 0 THEN $13::bool
         WHEN $9 & 4 <> 0 AND $12 <> o.email THEN false
         ELSE o.email_verified END AS email_verified,
    CASE WHEN $9 & 16 <> 0 THEN $14::text::user_status ELSE o.status END AS status
  FROM old o),
judged AS MATERIALIZED (
  SELECT o.id, $8::int4 = 0 OR o.version = $8::int4 AS version_ok,
    n.status = o.status OR n.status <> 'pending' AS transition_ok,
    n.status <> 'active' AND o.status = 'active' AND EXISTS (
      SELECT FROM organizations g WHERE g.owner_id = o.id AND g.deleted_at IS NULL) AS owns,
    n.status <> 'active' AND o.status = 'active' AND EXISTS (
      SELECT FROM organization_members m
      JOIN organizations g ON g.id = m.organization_id AND g.deleted_at IS NULL
      WHERE m.user_id = o.id AND m.role = 'admin' AND NOT EXISTS (
        SELECT y.id FROM organization_members x JOIN users y ON y.id = x.user_id
        WHERE x.organization_id = m.organization_id AND x.role = 'admin' AND x.user_id <> o.id
          AND y.status = 'active' AND y.deleted_at IS NULL
        LIMIT 1 FOR SHARE OF y)) AS last_admin
  FROM old o JOIN new n ON n.id = o.id),
written AS (
  UPDATE users u
  SET full_name = n.full_name, username = n.username, email = n.email, email_verified = n.email_verified,
    status = n.status, version = u.version + 1, updated_at = now()
  FROM new n JOIN old o ON o.id = n.id JOIN judged j ON j.id = n.id
  WHERE u.id = n.id AND j.version_ok AND j.transition_ok AND NOT j.owns AND NOT j.last_admin
    AND (n.full_name, n.username, n.email, n.email_verified, n.status)
      IS DISTINCT FROM (o.full_name, o.username, o.email, o.email_verified, o.status)
  RETURNING {{user_columns}}),
activity AS (
  SELECT NULL::bigint AS organization_id, 'user' AS entity_type, u.id::text AS entity_id, 'update' AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'full_name', CASE WHEN u.full_name IS DISTINCT FROM o.full_name THEN '{"changed": true}'::jsonb END,
      'username', CASE WHEN u.username <> o.username
        THEN jsonb_build_object('old', o.username, 'new', u.username) END,
      'email', CASE WHEN u.email <> o.email THEN '{"changed": true}'::jsonb END,
      'email_verified', CASE WHEN u.email_verified <> o.email_verified
        THEN jsonb_build_object('old', o.email_verified, 'new', u.email_verified) END,
      'status', CASE WHEN u.status <> o.status
        THEN jsonb_build_object('old', o.status, 'new', u.status) END)) AS changes
  FROM written u JOIN old o ON o.id = u.id),
effect AS (
  SELECT NULL::bigint AS organization_id, jsonb_build_object('uuids', jsonb_build_array(u.id)) AS result
  FROM written u),
{{recorded_alone}}
SELECT {{user_row}}, j.version_ok, j.transition_ok, j.owns, j.last_admin
FROM (
  SELECT w.* FROM written w
  UNION ALL SELECT o.* FROM old o WHERE NOT EXISTS (SELECT FROM written)) u
JOIN judged j ON j.id = u.id;

-- statement: user_upsert
-- Makes those whose email nobody has, active; the others stay as they are. In the order of the emails.
-- Faults by the number of the user in the request, from 1: the first whose email one before it has too, the first to
-- be made whose username is taken; nothing was written if there is one.
-- lane: write
-- tenant: no (for the scope system)
-- params: actor uuid?, system bool, principal_id int8, request_id uuid?, method text, request_hash bytea?,
--   ids uuid[], emails text[], usernames text[], full_names text[], verified bool[]
-- columns: id uuid, created bool, fault_email int8?, fault_username int8?
-- found: id
WITH {{fresh_alone}},
item AS MATERIALIZED (
  SELECT i.n, i.id, i.email, i.username, i.full_name, i.verified, u.id AS known,
    row_number() OVER (PARTITION BY lower(i.email) ORDER BY i.n) > 1 AS again
  FROM unnest($7::uuid[], $8::text[], $9::text[], $10::text[], $11::bool[]) WITH ORDINALITY
    AS i(id, email, username, full_name, verified, n)
  LEFT JOIN LATERAL (SELECT u.id FROM users u WHERE lower(u.email) = lower(i.email) OFFSET 0) u ON true
  WHERE $2::bool AND (SELECT ok FROM fresh)),
fault AS MATERIALIZED (
  SELECT min(i.n) FILTER (WHERE i.again) AS email,
    min(i.n) FILTER (WHERE i.known IS NULL AND (u.id IS NOT NULL OR i.nth > 1)) AS username
  FROM (SELECT i.*, row_number() OVER (PARTITION BY i.known IS NULL, lower(i.username) ORDER BY i.n) AS nth FROM item i) i
  LEFT JOIN LATERAL (SELECT u.id FROM users u WHERE lower(u.username) = lower(i.username) OFFSET 0) u ON i.known IS NULL),
written AS (
  INSERT INTO users (id, email, username, full_name, status, email_verified)
  SELECT i.id, i.email, i.username, i.full_name, 'active', i.verified
  FROM item i CROSS JOIN fault f WHERE i.known IS NULL AND num_nonnulls(f.email, f.username) = 0
  ORDER BY lower(i.email)
  RETURNING id),
activity AS (
  SELECT NULL::bigint AS organization_id, 'user' AS entity_type, u.id::text AS entity_id, 'create' AS verb,
    '{}'::jsonb AS changes
  FROM written u),
effect AS (SELECT NULL::bigint AS organization_id, '{}'::jsonb AS result WHERE false),
{{recorded_alone}}
SELECT coalesce(i.known, i.id) AS id, i.known IS NULL AS created, f.email AS fault_email, f.username AS fault_username
FROM item i CROSS JOIN fault f
ORDER BY i.n;
