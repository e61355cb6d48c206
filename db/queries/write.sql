-- What every keyed write has in common: it is done once, and it is told of.
--
-- A request_id that was used gates the work as the caller's rank does: nothing is written, and the handler
-- looks the key up (idempotency_find). Two at once: the second one waits for the first one's commit at the
-- primary key, and is rolled back whole (23505 on idempotency_keys_pkey).

-- fragment: fresh
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?
fresh AS MATERIALIZED (
  SELECT $6::uuid IS NULL OR NOT EXISTS (
    SELECT FROM idempotency_keys
    WHERE principal_id = $5 AND actor_id = coalesce($2, '00000000-0000-0000-0000-000000000000')
      AND request_id = $6::uuid OFFSET 0) AS ok)
;

-- The same for one of several calls, `i` (principal_id, actor, request_id).
-- fragment: fresh_each
-- params: none
(i.request_id IS NULL OR NOT EXISTS (
  SELECT FROM idempotency_keys k
  WHERE k.principal_id = i.principal_id AND k.actor_id = coalesce(i.actor, '00000000-0000-0000-0000-000000000000')
    AND k.request_id = i.request_id OFFSET 0))
;

-- Of several calls on several projects (item: project_id) none waits long for a lock that somebody else has, 20 ms for
-- each: all fail then, and each goes alone. Whoever locks asks for `ok` first.
-- fragment: brief
-- params: none
brief AS MATERIALIZED (
  SELECT CASE WHEN min(i.project_id) < max(i.project_id) THEN set_config('lock_timeout', '20ms', true) END IS DISTINCT FROM '' AS ok
  FROM item i)
;

-- The statement has made two relations: activity (project_id, entity_type, entity_id, verb, changes), a row
-- for each thing that it changed; and effect (result), one row if it changed anything: what a repetition needs
-- to answer, such as {"ids": [12]}.
-- fragment: recorded
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?
logged AS (
  INSERT INTO activity_log (organization_id, project_id, entity_type, entity_id, verb, actor_id,
    principal_id, request_id, changes)
  SELECT $1, a.project_id, a.entity_type, a.entity_id, a.verb, $2, $5, $6, a.changes
  FROM activity a),
keyed AS (
  INSERT INTO idempotency_keys (principal_id, actor_id, request_id, method, request_hash,
    organization_id, result)
  SELECT $5, coalesce($2, '00000000-0000-0000-0000-000000000000'), $6, $7, $8::bytea, $1, e.result
  FROM effect e WHERE $6::uuid IS NOT NULL)
;

-- The same for several calls: activity and effect have `n`, which of `item` it was.
-- fragment: recorded_each
-- params: none
logged AS (
  INSERT INTO activity_log (organization_id, project_id, entity_type, entity_id, verb, actor_id,
    principal_id, request_id, changes)
  SELECT i.organization_id, a.project_id, a.entity_type, a.entity_id, a.verb, i.actor, i.principal_id, i.request_id,
    a.changes
  FROM activity a JOIN item i ON i.n = a.n),
keyed AS (
  INSERT INTO idempotency_keys (principal_id, actor_id, request_id, method, request_hash,
    organization_id, result)
  SELECT i.principal_id, coalesce(i.actor, '00000000-0000-0000-0000-000000000000'), i.request_id, i.method,
    i.request_hash, i.organization_id, e.result
  FROM effect e JOIN item i ON i.n = e.n WHERE i.request_id IS NOT NULL)
;

-- statement: idempotency_find
-- What was done under a request_id. `ids`: of what was written; of users they are in `uuids`.
-- lane: read
-- tenant: no (a key belongs to who sent it; the handler reads the rows again as the caller may see them)
-- params: principal_id int8, actor uuid?, request_id uuid
-- columns: method text, request_hash bytea, organization_id int8?, ids int8[]?, uuids uuid[]?, fact int8?,
--   version int8?
SELECT k.method, k.request_hash, k.organization_id,
  (SELECT array_agg(i.id::int8 ORDER BY i.n) FROM jsonb_array_elements_text(k.result->'ids')
     WITH ORDINALITY AS i(id, n)) AS ids,
  (SELECT array_agg(i.id::uuid ORDER BY i.n) FROM jsonb_array_elements_text(k.result->'uuids')
     WITH ORDINALITY AS i(id, n)) AS uuids,
  (k.result->>'fact')::int8 AS fact, (k.result->>'version')::int8 AS version
FROM idempotency_keys k
WHERE k.principal_id = $1 AND k.actor_id = coalesce($2::uuid, '00000000-0000-0000-0000-000000000000')
  AND k.request_id = $3;

-- statement: idempotency_expire
-- Removes keys older than so many hours, up to max_rows of them, the oldest first; what others work on is left for
-- the next time.
-- lane: write
-- tenant: no (of all tenants: what outlived its use)
-- params: hours int4, max_rows int4
-- columns: removed int8
WITH removed AS (
  DELETE FROM idempotency_keys
  WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotency_keys
    WHERE created_at < now() - make_interval(hours => $1)
    ORDER BY created_at LIMIT $2::int4 FOR UPDATE SKIP LOCKED))
  RETURNING 1)
SELECT count(*) AS removed FROM removed;
