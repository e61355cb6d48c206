-- Sequences of their own. Those behind an identity are part of its column (column.sql).
WITH own AS (
	SELECT s.*, c.oid, c.oid::regclass::text AS name, quote_ident(c.relname) AS bare_name, {{limits s.seqtypid s.seqincrement}}
	FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
	WHERE {{ours pg_class c.oid c.relnamespace}}
	AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
), worded AS (
	SELECT oid, name, bare_name, {{options 20}} AS body,
		format('AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %sCYCLE', seqtypid::regtype, seqincrement,
			seqmin, seqmax, seqstart, seqcache, CASE WHEN seqcycle THEN '' ELSE 'NO ' END) AS whole
	FROM own
)
SELECT 'sequence' AS kind, name, 'pg_class'::regclass::oid AS class, oid, body AS definition,
	concat_ws(' ', 'CREATE SEQUENCE', name, nullif(body, '')) AS make, format('ALTER SEQUENCE %s %s', name, whole) AS change,
	format('DROP SEQUENCE %s', name) AS drop, 'SEQUENCE ' || name AS label, name AS claim,
	format('ALTER SEQUENCE ¤ RENAME TO %s', bare_name) AS rename, name AS old_name
FROM worded;

-- The owner's dependency is its own (sub -1, see dependency.sql): else a default would need its column first.
SELECT 'sequence owner' AS kind, q.name, 'pg_class'::regclass::oid AS class, q.oid, -1 AS sub, 'pg_class'::regclass::oid AS parent_class,
	q.oid AS parent_oid, q.owner AS definition, format('ALTER SEQUENCE %s OWNED BY %s', q.name, q.owner) AS make,
	format('ALTER SEQUENCE %s OWNED BY %s', q.name, q.owner) AS change, format('ALTER SEQUENCE %s OWNED BY NONE', q.name) AS drop
FROM (SELECT c.oid, c.oid::regclass::text AS name, format('%s.%I', a.attrelid::regclass, a.attname) AS owner
	FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
	JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
	WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a' AND c.relkind = 'S'
	AND {{ours pg_class c.oid c.relnamespace}}) q;
