-- Privileges, one a row, as they differ from what the server gives by itself. Making an object gives what its owner's
-- default privileges say: i marks a row that comes about so, n one that is needed only then, to take it back or to give it.
WITH objects AS (
	SELECT 'pg_namespace'::regclass::oid AS class, n.oid, 0 AS sub, 'n'::"char" AS kind, n.nspowner AS owner, n.nspacl AS acl,
		format('SCHEMA %I', n.nspname) AS target, '' AS columns, 0::oid AS namespace
	FROM pg_namespace n WHERE {{ours pg_namespace n.oid n.oid}}
	UNION ALL
	SELECT 'pg_class'::regclass, c.oid, 0, CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner, c.relacl,
		CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, '', c.relnamespace
	FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND {{ours pg_class c.oid c.relnamespace}}
	UNION ALL
	SELECT 'pg_class'::regclass, c.oid, a.attnum, 'c', c.relowner, a.attacl, format('TABLE %s', c.oid::regclass),
		format(' (%I)', a.attname), c.relnamespace
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND {{ours pg_class c.oid c.relnamespace}}
	UNION ALL
	SELECT 'pg_proc'::regclass, p.oid, 0, 'f', p.proowner, p.proacl,
		format('%s %s', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure), '', p.pronamespace
	FROM pg_proc p WHERE p.prokind IN ('f', 'p', 'w') AND {{ours pg_proc p.oid p.pronamespace}}
	UNION ALL
	SELECT 'pg_type'::regclass, t.oid, 0, 'T', t.typowner, t.typacl, format('TYPE %s', t.oid::regtype), '', t.typnamespace
	FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
	WHERE (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND {{ours pg_type t.oid t.typnamespace}}
), given AS (
	SELECT o.class, o.oid, o.sub, o.kind, o.owner, o.target, o.columns,
		CASE o.kind WHEN 's' THEN 'S' WHEN 'c' THEN '' ELSE o.kind END::"char" AS default_kind, o.namespace,
		coalesce((SELECT i.initprivs FROM pg_init_privs i WHERE i.classoid = o.class AND i.objoid = o.oid AND i.objsubid = o.sub AND i.privtype = 'i'),
			acldefault(o.kind, o.owner)) AS hard, o.acl
	FROM objects o
), atoms AS (
	SELECT g.class, g.oid, g.sub, g.target, g.columns, g.owner, a.grantee, a.privilege_type AS privilege,
		bool_or(a.is_grantable) AS grantable, bool_or(a.source = 'actual') AS actual, bool_or(a.source = 'hard') AS hard,
		bool_or(a.source = 'implied') AS implied
	FROM given g
	CROSS JOIN LATERAL (
		SELECT 'actual' AS source, x.* FROM aclexplode(coalesce(g.acl, g.hard)) x
		UNION ALL SELECT 'hard', x.* FROM aclexplode(g.hard) x
		UNION ALL SELECT 'implied', x.* FROM aclexplode(coalesce(
			(SELECT d.defaclacl FROM pg_default_acl d WHERE d.defaclrole = g.owner AND d.defaclnamespace = 0 AND d.defaclobjtype = g.default_kind), g.hard)) x
		UNION ALL SELECT 'implied', x.* FROM pg_default_acl d CROSS JOIN aclexplode(d.defaclacl) x
			WHERE d.defaclrole = g.owner AND d.defaclnamespace = g.namespace AND g.namespace <> 0 AND d.defaclobjtype = g.default_kind
	) a
	GROUP BY g.class, g.oid, g.sub, g.target, g.columns, g.owner, a.grantee, a.privilege_type
), worded AS (
	SELECT *, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role,
		CASE WHEN grantee = 0 THEN 'PUBLIC' WHEN grantee = owner THEN 'its owner' ELSE grantee::regrole::text END AS who,
		CASE WHEN grantable AND grantee <> owner THEN ' WITH GRANT OPTION' ELSE '' END AS option
	FROM atoms
)
SELECT 'grant' AS kind, format('on %s to %s: %s%s%s', target, who, CASE WHEN NOT actual THEN 'no ' ELSE '' END, privilege, columns) AS name,
	class AS parent_class, oid AS parent_oid, sub AS parent_sub, trim(option) AS definition,
	CASE WHEN actual THEN format('GRANT¦%s%s¦ON %s TO %s%s', privilege, columns, target, role, option)
		ELSE format('REVOKE¦%s%s¦ON %s FROM %s', privilege, columns, target, role) END AS make,
	CASE WHEN actual THEN format('REVOKE¦%s%s¦ON %s FROM %s', privilege, columns, target, role)
		ELSE format('GRANT¦%s%s¦ON %s TO %s', privilege, columns, target, role) END AS drop,
	CASE WHEN actual = hard THEN 'n' WHEN actual = implied THEN 'i' ELSE '' END AS flags
FROM worded
-- Not worth a row: as the server gives it, and nothing else says otherwise.
WHERE NOT (actual = hard AND actual = implied);

-- Who is meant by default is who owns prism_meta: whoever migrates.
SELECT 'default privilege' AS kind, format('on %s%s%s to %s: %s%s', q.target, q.place, q.for_role, q.role, CASE WHEN NOT q.actual THEN 'no ' ELSE '' END,
		q.privilege) AS name,
	'pg_namespace'::regclass::oid AS parent_class, q.namespace AS parent_oid, trim(q.option) AS definition,
	CASE WHEN q.actual THEN format('ALTER DEFAULT PRIVILEGES%s%s GRANT¦%s¦ON %s TO %s%s', q.for_role, q.place, q.privilege, q.target, q.role, q.option)
		ELSE format('ALTER DEFAULT PRIVILEGES%s%s REVOKE¦%s¦ON %s FROM %s', q.for_role, q.place, q.privilege, q.target, q.role) END AS make,
	CASE WHEN q.actual THEN format('ALTER DEFAULT PRIVILEGES%s%s REVOKE¦%s¦ON %s FROM %s', q.for_role, q.place, q.privilege, q.target, q.role)
		ELSE format('ALTER DEFAULT PRIVILEGES%s%s GRANT¦%s¦ON %s TO %s', q.for_role, q.place, q.privilege, q.target, q.role) END AS drop
FROM (SELECT d.defaclnamespace AS namespace, a.privilege_type AS privilege,
		CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' END AS target,
		CASE WHEN d.defaclnamespace = 0 THEN '' ELSE ' IN SCHEMA ' || d.defaclnamespace::regnamespace END AS place,
		CASE WHEN d.defaclrole = coalesce((SELECT n.nspowner FROM pg_namespace n WHERE n.nspname = 'prism_meta'), current_user::regrole) THEN ''
			ELSE ' FOR ROLE ' || d.defaclrole::regrole END AS for_role,
		CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role,
		CASE WHEN bool_or(a.is_grantable) AND a.grantee <> d.defaclrole THEN ' WITH GRANT OPTION' ELSE '' END AS option,
		bool_or(a.source = 'actual') AS actual, bool_or(a.source = 'hard') AS hard
	FROM pg_default_acl d
	CROSS JOIN LATERAL (SELECT 'actual' AS source, x.* FROM aclexplode(d.defaclacl) x
		UNION ALL SELECT 'hard', x.* FROM aclexplode(acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)) x
			WHERE d.defaclnamespace = 0) a
	GROUP BY d.oid, d.defaclrole, d.defaclnamespace, d.defaclobjtype, a.grantee, a.privilege_type) q
WHERE q.actual <> q.hard;
