-- Keys of services (a principal outlives its keys).

-- statement: service_key_by_hash
-- Revoked and expired ones too: who holds such a key is told so.
-- lane: read
-- tenant: no (this is how the caller is known, before there is an organization)
-- params: token_hash bytea
-- columns: id int8, principal_id int8, system bool, act_as_user bool, read_only bool, metrics bool,
--   organization_id int8?, expires_at timestamptz?, revoked_at timestamptz?
SELECT id, principal_id, 'system' = ANY (scopes) AS system, 'act-as-user' = ANY (scopes) AS act_as_user,
       'read-only' = ANY (scopes) AS read_only, 'metrics' = ANY (scopes) AS metrics,
       organization_id, expires_at, revoked_at
FROM service_keys
WHERE token_hash = $1;
