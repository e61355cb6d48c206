-- Who may what: the gate of every statement on a tenant's rows.
--
-- One row if the organization exists and the actor is an active user and a member of it (or the
-- caller has the scope `system`); its rank: 4 owner, 3 admin, 2 member, 1 viewer. NULL actors and
-- rank 0 never mean more rights. The work compares (SELECT rank FROM caller) with $3.
-- fragment: caller
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool
caller AS MATERIALIZED (
  SELECT CASE WHEN $4 OR o.owner_id = u.id THEN 4
              WHEN m.role = 'admin' THEN 3
              WHEN m.role = 'member' THEN 2
              WHEN m.role = 'viewer' THEN 1 END AS rank
  FROM organizations o
  LEFT JOIN users u ON u.id = $2 AND u.status = 'active' AND u.deleted_at IS NULL
  LEFT JOIN organization_members m ON m.organization_id = $1 AND m.user_id = u.id
  WHERE o.id = $1 AND o.deleted_at IS NULL AND ($4 OR m.user_id IS NOT NULL))
;

-- The same gate for one of several callers, `i` (organization_id, actor, system): its rank, or no row.
-- fragment: caller_each
-- params: none
SELECT CASE WHEN i.system OR o.owner_id = u.id THEN 4
            WHEN m.role = 'admin' THEN 3
            WHEN m.role = 'member' THEN 2
            WHEN m.role = 'viewer' THEN 1 END AS rank
FROM organizations o
LEFT JOIN users u ON u.id = i.actor AND u.status = 'active' AND u.deleted_at IS NULL
LEFT JOIN organization_members m ON m.organization_id = i.organization_id AND m.user_id = u.id
WHERE o.id = i.organization_id AND o.deleted_at IS NULL AND (i.system OR m.user_id IS NOT NULL)
OFFSET 0
;
