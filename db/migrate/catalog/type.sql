-- Enums, domains, composite types, ranges. An enum's shape is its labels, for who compares them.
SELECT 'enum' AS kind, q.name, 'pg_type'::regclass::oid AS class, q.oid, q.definition, q.shape,
	format('CREATE TYPE %s AS ENUM (%s)', q.name, q.definition) AS make, format('DROP TYPE %s', q.name) AS drop,
	'TYPE ' || q.name AS label, q.name AS claim, {{aside TYPE q}}
FROM (SELECT t.oid, t.oid::regtype::text AS name, {{place t}}, string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) AS definition,
		string_agg(e.enumlabel, '¶' ORDER BY e.enumsortorder) AS shape
	FROM pg_type t LEFT JOIN pg_enum e ON e.enumtypid = t.oid
	WHERE t.typtype = 'e' AND {{ours pg_type t.oid t.typnamespace}}
	GROUP BY t.oid) q;

SELECT 'domain' AS kind, q.name, 'pg_type'::regclass::oid AS class, q.oid, q.base AS definition, q.base AS shape,
	format('CREATE DOMAIN %s AS %s', q.name, q.base) AS make, format('DROP DOMAIN %s', q.name) AS drop,
	'DOMAIN ' || q.name AS label, q.name AS claim, '+' AS flags, {{aside DOMAIN q}}
FROM (SELECT t.oid, t.oid::regtype::text AS name, {{place t}}, format_type(t.typbasetype, t.typtypmod)
		|| CASE WHEN t.typcollation = b.typcollation THEN '' ELSE ' COLLATE ' || t.typcollation::regcollation END AS base
	FROM pg_type t JOIN pg_type b ON b.oid = t.typbasetype
	WHERE t.typtype = 'd' AND {{ours pg_type t.oid t.typnamespace}}) q;

SELECT 'domain default' AS kind, q.name, 'pg_type'::regclass::oid AS parent_class, q.oid AS parent_oid, q.body AS definition,
	format('ALTER DOMAIN %s SET DEFAULT %s', q.name, q.body) AS make, format('ALTER DOMAIN %s SET DEFAULT %s', q.name, q.body) AS change,
	format('ALTER DOMAIN %s DROP DEFAULT', q.name) AS drop, 'DEFAULT ' || q.body AS part
FROM (SELECT t.oid, t.oid::regtype::text AS name, pg_get_expr(t.typdefaultbin, 0) AS body
	FROM pg_type t
	WHERE t.typtype = 'd' AND t.typdefaultbin IS NOT NULL AND {{ours pg_type t.oid t.typnamespace}}) q;

SELECT 'domain not null' AS kind, t.oid::regtype::text AS name, 'pg_type'::regclass::oid AS parent_class, t.oid AS parent_oid,
	format('ALTER DOMAIN %s SET NOT NULL', t.oid::regtype) AS make, format('ALTER DOMAIN %s DROP NOT NULL', t.oid::regtype) AS drop,
	'NOT NULL' AS part
FROM pg_type t
WHERE t.typtype = 'd' AND t.typnotnull AND {{ours pg_type t.oid t.typnamespace}};

SELECT 'domain constraint' AS kind, q.domain || '.' || q.name AS name, 'pg_constraint'::regclass::oid AS class, q.oid,
	'pg_type'::regclass::oid AS parent_class, q.type AS parent_oid, q.body AS definition,
	regexp_replace(q.body, ' NOT VALID$', '') AS shape,
	format('ALTER DOMAIN %s ADD CONSTRAINT %s %s', q.domain, q.name, q.body) AS make,
	CASE WHEN q.valid THEN format('ALTER DOMAIN %s VALIDATE CONSTRAINT %s', q.domain, q.name) END AS change,
	format('ALTER DOMAIN %s DROP CONSTRAINT %s', q.domain, q.name) AS drop,
	CASE WHEN q.valid THEN format('CONSTRAINT %s %s', q.name, q.body) END AS part,
	format('CONSTRAINT %s ON DOMAIN %s', q.name, q.domain) AS label
FROM (SELECT k.oid, k.contypid AS type, k.contypid::regtype::text AS domain, quote_ident(k.conname) AS name,
		pg_get_constraintdef(k.oid) AS body, k.convalidated AS valid
	FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid
	WHERE k.contype = 'c' AND {{ours pg_type t.oid t.typnamespace}}) q;

SELECT 'type' AS kind, t.oid::regtype::text AS name, 'pg_type'::regclass::oid AS class, t.oid,
	format('CREATE TYPE %s AS', t.oid::regtype) AS make, format('DROP TYPE %s', t.oid::regtype) AS drop,
	format('TYPE %s', t.oid::regtype) AS label, t.oid::regtype::text AS claim, '(' AS flags, {{aside TYPE q}}
FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
CROSS JOIN LATERAL (SELECT t.oid::regtype::text AS name, {{place t}}) q
WHERE c.relkind = 'c' AND {{ours pg_type t.oid t.typnamespace}};

SELECT 'attribute' AS kind, q.type || '.' || q.name AS name, 'pg_class'::regclass::oid AS class, q.oid, q.sub,
	'pg_type'::regclass::oid AS parent_class, q.parent AS parent_oid, q.body AS definition,
	format('ALTER TYPE %s¦ADD ATTRIBUTE %s %s¦', q.type, q.name, q.body) AS make,
	format('ALTER TYPE %s¦ALTER ATTRIBUTE %s TYPE %s¦', q.type, q.name, q.body) AS change,
	format('ALTER TYPE %s¦DROP ATTRIBUTE %s¦', q.type, q.name) AS drop, q.name || ' ' || q.body AS part,
	format('COLUMN %s.%s', q.type, q.name) AS label
FROM (SELECT c.oid, a.attnum AS sub, t.oid AS parent, t.oid::regtype::text AS type, quote_ident(a.attname) AS name,
		format_type(a.atttypid, a.atttypmod)
		|| CASE WHEN a.attcollation = y.typcollation THEN '' ELSE ' COLLATE ' || a.attcollation::regcollation END AS body
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = c.reltype JOIN pg_type y ON y.oid = a.atttypid
	WHERE c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped AND {{ours pg_type t.oid t.typnamespace}}) q;

SELECT 'range' AS kind, q.name, 'pg_type'::regclass::oid AS class, q.oid, q.body AS definition, q.body AS shape,
	format('CREATE TYPE %s AS RANGE (%s)', q.name, q.body) AS make, format('DROP TYPE %s', q.name) AS drop,
	'TYPE ' || q.name AS label, q.name AS claim, q.aside, format('DROP TYPE %s%s', q.place, q.stand_in) AS drop_aside
FROM (SELECT t.oid, t.oid::regtype::text AS name, {{place t}},
		format('ALTER TYPE %s RENAME TO %I¶ALTER TYPE %s RENAME TO %I', t.oid::regtype, left(t.typname, 58) || '_old',
			r.rngmultitypid::regtype, left(m.typname, 58) || '_old') AS aside, concat_ws(', ', format('SUBTYPE = %s', r.rngsubtype::regtype),
		CASE WHEN NOT o.opcdefault THEN format('SUBTYPE_OPCLASS = %I.%I', n.nspname, o.opcname) END,
		CASE WHEN r.rngcollation <> s.typcollation THEN format('COLLATION = %s', r.rngcollation::regcollation) END,
		CASE WHEN r.rngcanonical <> 0 THEN format('CANONICAL = %s', r.rngcanonical) END,
		CASE WHEN r.rngsubdiff <> 0 THEN format('SUBTYPE_DIFF = %s', r.rngsubdiff) END,
		format('MULTIRANGE_TYPE_NAME = %s', r.rngmultitypid::regtype)) AS body
	FROM pg_type t JOIN pg_range r ON r.rngtypid = t.oid JOIN pg_type s ON s.oid = r.rngsubtype JOIN pg_type m ON m.oid = r.rngmultitypid
	JOIN pg_opclass o ON o.oid = r.rngsubopc JOIN pg_namespace n ON n.oid = o.opcnamespace
	WHERE {{ours pg_type t.oid t.typnamespace}}) q;
