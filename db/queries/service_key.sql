-- Keys of services (a principal outlives its keys).

-- statement: service_key_by_hash
-- Revoked and expired ones too: who holds such a key is told so. unnoted: it is time for service_key_used, and the
-- database takes it.
-- lane: read
-- tenant: no (this is how the caller is known, before there is an organization)
-- params: token_hash bytea
-- columns: id int8, principal_id int8, system bool, act_as_user bool, read_only bool, metrics bool,
--   organization_id int8?, expires_at timestamptz?, revoked_at timestamptz?, unnoted bool
SELECT id, principal_id, 'system' = ANY (scopes) AS system, 'act-as-user' = ANY (scopes) AS act_as_user,
       'read-only' = ANY (scopes) AS read_only, 'metrics' = ANY (scopes) AS metrics,
       organization_id, expires_at, revoked_at,
       (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
         AND current_setting('transaction_read_only') = 'off'
         AND has_column_privilege('service_keys'::regclass, 'last_used_at', 'UPDATE') AS unnoted
FROM service_keys
WHERE token_hash = $1;

-- statement: service_key_used
-- At most once a minute, whoever else notes it; waits for nobody.
-- lane: write
-- tenant: no (the key of whoever calls)
-- params: id int8
-- columns: id int8
UPDATE service_keys k SET last_used_at = now()
FROM (
  SELECT s.id FROM service_keys s
  WHERE s.id = $1 AND (s.last_used_at IS NULL OR s.last_used_at < now() - interval '1 minute')
  FOR NO KEY UPDATE SKIP LOCKED) s
WHERE k.id = s.id
RETURNING k.id;
