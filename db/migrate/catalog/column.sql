-- Columns, and what belongs to one. A partition's and a child's inherited columns are their parent's; only what differs is theirs.
-- A generated column's shape is its expression: only a new column can have another one.
SELECT 'column' AS kind, q.tab || '.' || q.name AS name, 'pg_class'::regclass::oid AS class, q.oid, q.sub, 'pg_class'::regclass::oid AS parent_class,
	q.oid AS parent_oid, q.type || coalesce(' ' || q.generated, '') AS definition, coalesce(q.generated, '') AS shape,
	format('ALTER TABLE %s¦ADD COLUMN¦', q.tab) AS make,
	format('ALTER TABLE %s¦ALTER COLUMN %s TYPE %s¤¦', q.tab, q.name, q.type) AS change, q.base,
	format(' USING %s::%s', q.name, q.plain_type) AS using_cast, format(' USING %s::text::%s', q.name, q.plain_type) AS using_text,
	format('ALTER TABLE %s¦DROP COLUMN %s¦', q.tab, q.name) AS drop, concat_ws(' ', q.name, q.type, q.generated) AS part,
	format('COLUMN %s.%s', q.tab, q.name) AS label, '+' AS flags
FROM (SELECT c.oid, a.attnum AS sub, c.oid::regclass::text AS tab, quote_ident(a.attname) AS name, format_type(a.atttypid, a.atttypmod) AS plain_type,
		format_type(a.atttypid, a.atttypmod)
		|| CASE WHEN a.attcollation = t.typcollation THEN '' ELSE ' COLLATE ' || a.attcollation::regcollation END AS type,
		CASE WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
			WHEN a.attgenerated = 'v' THEN format('GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(d.adbin, d.adrelid)) END AS generated,
		a.atttypid::regtype AS base
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
	LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE {{own_column a c}} AND {{ours pg_class c.oid c.relnamespace}}) q;

SELECT 'default' AS kind, q.tab || '.' || q.name AS name, 'pg_attrdef'::regclass::oid AS class, q.oid, 'pg_class'::regclass::oid AS parent_class,
	q.relation AS parent_oid, q.sub AS parent_sub, q.body AS definition,
	format('ALTER TABLE %s¦ALTER COLUMN %s SET DEFAULT %s¦', q.tab, q.name, q.body) AS make,
	format('ALTER TABLE %s¦ALTER COLUMN %s SET DEFAULT %s¦', q.tab, q.name, q.body) AS change,
	format('ALTER TABLE %s¦ALTER COLUMN %s DROP DEFAULT¦', q.tab, q.name) AS drop, 'DEFAULT ' || q.body AS part
FROM (SELECT d.oid, c.oid AS relation, a.attnum AS sub, c.oid::regclass::text AS tab, quote_ident(a.attname) AS name,
		pg_get_expr(d.adbin, d.adrelid) AS body
	FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relkind IN ('r', 'p', 'v') AND c.reloftype = 0 AND a.attgenerated = '' AND {{ours pg_class c.oid c.relnamespace}}
	AND NOT (a.attinhcount > 0 AND EXISTS (SELECT FROM pg_inherits i JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
		JOIN pg_attrdef e ON e.adrelid = p.attrelid AND e.adnum = p.attnum
		WHERE i.inhrelid = c.oid AND pg_get_expr(e.adbin, e.adrelid) = pg_get_expr(d.adbin, d.adrelid)))) q;

-- Online in four statements: in one with SET NOT NULL, the constraint that proves it would be gone first.
SELECT 'not null' AS kind, q.tab || '.' || q.name AS name, 'pg_class'::regclass::oid AS parent_class, q.oid AS parent_oid, q.sub AS parent_sub,
	format('ALTER TABLE %s¦ALTER COLUMN %s SET NOT NULL¦', q.tab, q.name) AS make,
	CASE WHEN NOT q.partitioned THEN format('ALTER TABLE %1$s¦ADD CONSTRAINT %3$s CHECK (%2$s IS NOT NULL) NOT VALID¦¶@alone ALTER TABLE %1$s¦VALIDATE CONSTRAINT %3$s¦'
		'¶ALTER TABLE %1$s ALTER COLUMN %2$s SET NOT NULL¶ALTER TABLE %1$s DROP CONSTRAINT %3$s', q.tab, q.name, q.witness) END AS make_online,
	format('ALTER TABLE %s¦ALTER COLUMN %s DROP NOT NULL¦', q.tab, q.name) AS drop, 'NOT NULL' AS part
FROM (SELECT c.oid, a.attnum AS sub, c.oid::regclass::text AS tab, quote_ident(a.attname) AS name, c.relkind = 'p' AS partitioned,
		quote_ident(left(c.relname || '_' || a.attname, 54) || '_not_null') AS witness
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relkind IN ('r', 'p') AND c.reloftype = 0 AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
	AND {{ours pg_class c.oid c.relnamespace}}
	AND NOT (a.attinhcount > 0 AND EXISTS (SELECT FROM pg_inherits i JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
		WHERE i.inhrelid = c.oid AND p.attnotnull))) q;

-- An identity has its sequence's address: what is granted on that belongs to it.
WITH own AS (
	SELECT s.*, c.oid AS relation, a.attnum AS sub, c.oid::regclass::text AS tab, quote_ident(a.attname) AS name,
		CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END AS word,
		CASE WHEN q.relname <> c.relname || '_' || a.attname || '_seq' OR q.relnamespace <> c.relnamespace THEN 'SEQUENCE NAME ' || q.oid::regclass END AS named,
		{{limits s.seqtypid s.seqincrement}}
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
		AND d.refobjsubid = a.attnum AND d.deptype = 'i'
	JOIN pg_sequence s ON s.seqrelid = d.objid JOIN pg_class q ON q.oid = s.seqrelid
	WHERE a.attidentity <> '' AND {{own_column a c}} AND {{ours pg_class c.oid c.relnamespace}}
), worded AS (
	SELECT *, format('GENERATED %s AS IDENTITY', word) AS head, nullif({{options seqtypid}}, '') AS body FROM own
)
SELECT 'identity' AS kind, tab || '.' || name AS name, 'pg_class'::regclass::oid AS class, seqrelid AS oid, 'pg_class'::regclass::oid AS parent_class,
	relation AS parent_oid, sub AS parent_sub, concat_ws(' ', head, '(' || body || ')') AS definition,
	format('ALTER TABLE %s¦ALTER COLUMN %s ADD %s¦', tab, name, concat_ws(' ', head, '(' || nullif(concat_ws(' ', named, body), '') || ')')) AS make,
	format('ALTER TABLE %s¦ALTER COLUMN %s SET GENERATED %s SET INCREMENT BY %s SET MINVALUE %s SET MAXVALUE %s SET START WITH %s SET CACHE %s SET %sCYCLE¦',
		tab, name, word, seqincrement, seqmin, seqmax, seqstart, seqcache, CASE WHEN seqcycle THEN '' ELSE 'NO ' END) AS change,
	format('ALTER TABLE %s¦ALTER COLUMN %s DROP IDENTITY¦', tab, name) AS drop, 'SEQUENCE ' || seqrelid::regclass AS label,
	seqrelid::regclass AS claim,
	concat_ws(' ', head, '(' || nullif(concat_ws(' ', named, body), '') || ')') AS part
FROM worded;

SELECT 'identity sequence' AS kind, format('%s.%I', a.attrelid::regclass, a.attname) AS name, 'pg_class'::regclass::oid AS parent_class, s.oid AS parent_oid,
	quote_ident(s.relname) AS definition, format('ALTER SEQUENCE ¤ RENAME TO %I', s.relname) AS change, s.oid::regclass::text AS old_name, 'i' AS flags
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
JOIN pg_class c ON c.oid = a.attrelid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND {{own_column a c}}
AND {{ours pg_class c.oid c.relnamespace}};

-- How a column is kept, where it is not as its type says.
SELECT 'storage' AS kind, format('%s.%s %s', q.tab, q.name, q.what) AS name, 'pg_class'::regclass::oid AS parent_class, q.oid AS parent_oid,
	q.sub AS parent_sub, q.value AS definition, format('ALTER TABLE %s¦ALTER COLUMN %s SET %s¦', q.tab, q.name, q.value) AS make,
	format('ALTER TABLE %s¦ALTER COLUMN %s SET %s¦', q.tab, q.name, q.value) AS change,
	format('ALTER TABLE %s¦ALTER COLUMN %s %s¦', q.tab, q.name, q.undo) AS drop
FROM (SELECT c.oid, a.attnum AS sub, c.oid::regclass::text AS tab, quote_ident(a.attname) AS name, f.*
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
	CROSS JOIN LATERAL (
		SELECT 'storage', 'STORAGE ' || (w.words ->> a.attstorage::text), 'SET STORAGE ' || (w.words ->> t.typstorage::text)
		FROM (SELECT '{"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}'::jsonb AS words) w
		WHERE a.attstorage <> t.typstorage
		UNION ALL SELECT 'compression', 'COMPRESSION ' || CASE a.attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END, 'SET COMPRESSION default'
		WHERE a.attcompression <> ''
		UNION ALL SELECT 'statistics', 'STATISTICS ' || a.attstattarget, 'SET STATISTICS -1'
		WHERE a.attstattarget >= 0
		UNION ALL SELECT split_part(o, '=', 1), format('(%s)', o), format('RESET (%s)', split_part(o, '=', 1)) FROM unnest(a.attoptions) o
	) f (what, value, undo)
	WHERE {{own_column a c}} AND {{ours pg_class c.oid c.relnamespace}}) q;

-- How a value of one type becomes one of another: i and a, by itself; e, when it is asked to. Not objects: what USING is chosen by.
SELECT 'cast' AS kind, format('%s to %s', k.castsource::regtype, k.casttarget::regtype) AS name, k.castcontext AS flags
FROM pg_cast k WHERE k.castsource <> k.casttarget;
