-- Schemas, extensions, collations. What every new database has is marked: b, built in.
SELECT 'schema' AS kind, quote_ident(n.nspname) AS name, 'pg_namespace'::regclass::oid AS class, n.oid,
	format('CREATE SCHEMA %I', n.nspname) AS make, format('DROP SCHEMA %I', n.nspname) AS drop,
	format('SCHEMA %I', n.nspname) AS label, CASE n.nspname WHEN 'public' THEN 'b' END AS flags
FROM pg_namespace n
WHERE {{ours pg_namespace n.oid n.oid}};

SELECT 'extension' AS kind, quote_ident(x.extname) AS name, 'pg_extension'::regclass::oid AS class, x.oid,
	format('CREATE EXTENSION %I WITH SCHEMA %I', x.extname, n.nspname)
		|| CASE WHEN x.extversion = a.default_version THEN '' ELSE format(' VERSION %I', x.extversion) END AS make,
	format('DROP EXTENSION %I', x.extname) AS drop, CASE x.extname WHEN 'plpgsql' THEN 'b' END AS flags
FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
LEFT JOIN pg_available_extensions a ON a.name = x.extname;

SELECT 'extension schema' AS kind, quote_ident(x.extname) AS name, 'pg_extension'::regclass::oid AS parent_class, x.oid AS parent_oid,
	quote_ident(n.nspname) AS definition, format('ALTER EXTENSION %I SET SCHEMA %I', x.extname, n.nspname) AS change,
	'i' || CASE x.extname WHEN 'plpgsql' THEN 'b' ELSE '' END AS flags
FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace;

SELECT 'extension version' AS kind, quote_ident(x.extname) AS name, 'pg_extension'::regclass::oid AS parent_class, x.oid AS parent_oid,
	x.extversion AS definition, format('ALTER EXTENSION %I UPDATE TO %I', x.extname, x.extversion) AS change,
	'i' || CASE x.extname WHEN 'plpgsql' THEN 'b' ELSE '' END AS flags
FROM pg_extension x;

-- The locale's column has changed its name between versions of PostgreSQL.
SELECT 'collation' AS kind, q.name, 'pg_collation'::regclass::oid AS class, q.oid, q.body AS definition, q.body AS shape,
	format('CREATE COLLATION %s (%s)', q.name, q.body) AS make, format('DROP COLLATION %s', q.name) AS drop,
	'COLLATION ' || q.name AS label
FROM (SELECT c.oid, c.oid::regcollation::text AS name,
		CASE WHEN c.collprovider = 'c' THEN format('LC_COLLATE = %L, LC_CTYPE = %L', c.collcollate, c.collctype)
			ELSE format('PROVIDER = %s, LOCALE = %L', CASE c.collprovider WHEN 'i' THEN 'icu' ELSE 'builtin' END,
				coalesce(to_jsonb(c) ->> 'colliculocale', to_jsonb(c) ->> 'colllocale', c.collcollate)) END
		|| CASE WHEN c.collisdeterministic THEN '' ELSE ', DETERMINISTIC = false' END AS body
	FROM pg_collation c
	WHERE {{ours pg_collation c.oid c.collnamespace}}) q;
