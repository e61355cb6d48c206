-- Indexes that no constraint has, and statistics. A partition has its parent's without having them itself.
SELECT 'index' AS kind, q.name, 'pg_class'::regclass::oid AS class, q.oid, 'pg_class'::regclass::oid AS parent_class, q.relation AS parent_oid,
	concat_ws(' ', q.uniq || 'INDEX ON', q.tab, q.body, CASE WHEN NOT q.valid THEN 'INVALID' END) AS definition,
	concat_ws(' ', q.uniq || 'INDEX ON', q.tab, q.body) AS shape,
	format('CREATE %sINDEX %s ON %s %s', q.uniq, q.bare_name, q.tab, q.body) AS make,
	CASE WHEN NOT q.partitioned THEN format('@outside CREATE %sINDEX CONCURRENTLY %s ON %s %s', q.uniq, q.bare_name, q.tab, q.body) END AS make_online,
	CASE WHEN q.valid THEN format('REINDEX INDEX %s', q.name) END AS change,
	CASE WHEN q.valid AND NOT q.partitioned THEN format('@outside REINDEX INDEX CONCURRENTLY %s', q.name) END AS change_online,
	CASE WHEN q.valid AND NOT q.partitioned THEN format('@outside CREATE %1$sINDEX CONCURRENTLY %2$s ON %3$s %4$s¶@outside DROP INDEX CONCURRENTLY %5$s¶ALTER INDEX %6$s RENAME TO %7$s',
		q.uniq, quote_ident(q.stand_in), q.tab, q.body, q.name, q.place || quote_ident(q.stand_in), q.bare_name) END AS replace_online,
	format('DROP INDEX %s', q.name) AS drop, CASE WHEN NOT q.partitioned THEN format('@outside DROP INDEX CONCURRENTLY %s', q.name) END AS drop_online,
	'INDEX ' || q.name AS label, q.name AS claim, format('ALTER INDEX ¤ RENAME TO %s', q.bare_name) AS rename, q.name AS old_name
FROM (SELECT c.oid, c.oid::regclass::text AS name, quote_ident(c.relname) AS bare_name,
		left(c.relname, 58) || '_new' AS stand_in, CASE c.relnamespace::regnamespace::text WHEN 'public' THEN '' ELSE c.relnamespace::regnamespace || '.' END AS place,
		i.indrelid AS relation, i.indrelid::regclass::text AS tab,
		CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END AS uniq, i.indisvalid AS valid, c.relkind = 'I' AS partitioned, {{index_body c.oid}} AS body
	FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	WHERE NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))
	AND {{ours pg_class c.oid c.relnamespace}}) q;

SELECT 'statistics' AS kind, q.name, 'pg_statistic_ext'::regclass::oid AS class, q.oid, 'pg_class'::regclass::oid AS parent_class, q.relation AS parent_oid,
	q.body AS definition, q.body AS shape, q.body AS make, format('DROP STATISTICS %s', q.name) AS drop, 'STATISTICS ' || q.name AS label
FROM (SELECT s.oid, s.stxrelid AS relation, pg_get_statisticsobjdef(s.oid) AS body,
		CASE n.nspname WHEN 'public' THEN quote_ident(s.stxname) ELSE format('%I.%I', n.nspname, s.stxname) END AS name
	FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
	WHERE {{ours pg_statistic_ext s.oid s.stxnamespace}}) q;
