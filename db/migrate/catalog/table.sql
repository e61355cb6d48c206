-- Tables, and what is switched on a table.
SELECT 'table' AS kind, q.name, 'pg_class'::regclass::oid AS class, q.oid, coalesce(q.key, '') AS definition, coalesce(q.key, '') AS shape,
	format('CREATE %sTABLE %s%s¦¦%s', q.unlogged, q.name, coalesce(' PARTITION OF ' || q.partition_of, ''),
		concat_ws(' ', q.inherits, q.bound, q.key)) AS make,
	format('DROP TABLE %s', q.name) AS drop, 'TABLE ' || q.name AS label, q.name AS claim,
	CASE WHEN q.partition_of IS NULL THEN '(' ELSE '' END AS flags
FROM (SELECT c.oid, c.oid::regclass::text AS name, CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END AS unlogged,
		CASE c.relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(c.oid) END AS key,
		CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS bound,
		CASE WHEN c.relispartition THEN (SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid) END AS partition_of,
		CASE WHEN NOT c.relispartition THEN (SELECT format('INHERITS (%s)', string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno))
			FROM pg_inherits i WHERE i.inhrelid = c.oid HAVING count(*) > 0) END AS inherits
	FROM pg_class c
	WHERE c.relkind IN ('r', 'p') AND c.reloftype = 0 AND {{ours pg_class c.oid c.relnamespace}}) q;

SELECT 'unlogged' AS kind, c.oid::regclass::text AS name, 'pg_class'::regclass::oid AS parent_class, c.oid AS parent_oid,
	format('ALTER TABLE %s¦SET UNLOGGED¦', c.oid::regclass) AS make, format('ALTER TABLE %s¦SET LOGGED¦', c.oid::regclass) AS drop,
	'i' AS flags
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'u' AND {{ours pg_class c.oid c.relnamespace}};

-- Part of the table's making; taken off and put back where the table stays.
SELECT 'inheritance' AS kind, format('%s of %s', q.name, q.parent) AS name, 'pg_class'::regclass::oid AS class, q.oid, -2 AS sub,
	'pg_class'::regclass::oid AS parent_class, q.oid AS parent_oid, coalesce(q.bound, '') AS definition,
	CASE WHEN q.bound IS NULL THEN format('ALTER TABLE %s¦INHERIT %s¦', q.name, q.parent)
		ELSE format('ALTER TABLE %s ATTACH PARTITION %s %s', q.parent, q.name, q.bound) END AS make,
	CASE WHEN q.bound IS NULL THEN format('ALTER TABLE %s¦NO INHERIT %s¦', q.name, q.parent)
		ELSE format('ALTER TABLE %s DETACH PARTITION %s', q.parent, q.name) END AS drop,
	'i' AS flags
FROM (SELECT c.oid, c.oid::regclass::text AS name, i.inhparent::regclass::text AS parent,
		CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS bound
	FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	WHERE c.relkind IN ('r', 'p') AND c.reloftype = 0 AND {{ours pg_class c.oid c.relnamespace}}) q;

SELECT 'row security' AS kind, c.oid::regclass::text AS name, 'pg_class'::regclass::oid AS parent_class, c.oid AS parent_oid,
	format('ALTER TABLE %s¦ENABLE ROW LEVEL SECURITY¦', c.oid::regclass) AS make,
	format('ALTER TABLE %s¦DISABLE ROW LEVEL SECURITY¦', c.oid::regclass) AS drop
FROM pg_class c
WHERE c.relrowsecurity AND {{ours pg_class c.oid c.relnamespace}};

SELECT 'forced row security' AS kind, c.oid::regclass::text AS name, 'pg_class'::regclass::oid AS parent_class, c.oid AS parent_oid,
	format('ALTER TABLE %s¦FORCE ROW LEVEL SECURITY¦', c.oid::regclass) AS make,
	format('ALTER TABLE %s¦NO FORCE ROW LEVEL SECURITY¦', c.oid::regclass) AS drop
FROM pg_class c
WHERE c.relforcerowsecurity AND {{ours pg_class c.oid c.relnamespace}};

SELECT 'replica identity' AS kind, q.name, 'pg_class'::regclass::oid AS parent_class, q.oid AS parent_oid, q.body AS definition,
	format('ALTER TABLE %s¦REPLICA IDENTITY %s¦', q.name, q.body) AS make, format('ALTER TABLE %s¦REPLICA IDENTITY %s¦', q.name, q.body) AS change,
	format('ALTER TABLE %s¦REPLICA IDENTITY DEFAULT¦', q.name) AS drop
FROM (SELECT c.oid, c.oid::regclass::text AS name, CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
		ELSE (SELECT format('USING INDEX %I', x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
			WHERE i.indrelid = c.oid AND i.indisreplident) END AS body
	FROM pg_class c
	WHERE c.relkind IN ('r', 'p') AND c.relreplident <> 'd' AND {{ours pg_class c.oid c.relnamespace}}) q
WHERE q.body IS NOT NULL;

-- Storage parameters: of tables, of their TOAST tables, of materialized views. Views and indexes have them in their text.
SELECT 'option' AS kind, format('%s.%s', q.name, q.option) AS name, 'pg_class'::regclass::oid AS parent_class, q.oid AS parent_oid, q.value AS definition,
	format('ALTER %s %s¦SET (%s = %L)¦', q.word, q.name, q.option, q.value) AS make,
	format('ALTER %s %s¦SET (%s = %L)¦', q.word, q.name, q.option, q.value) AS change,
	format('ALTER %s %s¦RESET (%s)¦', q.word, q.name, q.option) AS drop
FROM (SELECT c.oid, c.oid::regclass::text AS name, CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS word,
		o.prefix || split_part(o.text, '=', 1) AS option, substr(o.text, strpos(o.text, '=') + 1) AS value
	FROM pg_class c
	CROSS JOIN LATERAL (SELECT '' AS prefix, unnest(c.reloptions) AS text
		UNION ALL SELECT 'toast.', unnest(t.reloptions) FROM pg_class t WHERE t.oid = c.reltoastrelid) o
	WHERE c.relkind IN ('r', 'p', 'm') AND {{ours pg_class c.oid c.relnamespace}}) q;
