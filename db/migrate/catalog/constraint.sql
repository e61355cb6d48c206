-- Constraints of tables. A partition has its parent's without having them itself.
SELECT q.kind, q.tab || '.' || q.name AS name, 'pg_constraint'::regclass::oid AS class, q.oid, 'pg_class'::regclass::oid AS parent_class,
	q.relation AS parent_oid, q.body AS definition, q.shape, format('ALTER TABLE %s¦ADD CONSTRAINT %s %s¦', q.tab, q.name, q.body) AS make,
	CASE WHEN q.valid AND q.contype IN ('c', 'f') THEN format('@alone ALTER TABLE %s¦VALIDATE CONSTRAINT %s¦', q.tab, q.name) END AS change,
	format('ALTER TABLE %s¦DROP CONSTRAINT %s¦', q.tab, q.name) AS drop,
	CASE WHEN q.partitioned OR NOT q.valid THEN NULL
		WHEN q.contype IN ('c', 'f') THEN format('ALTER TABLE %1$s¦ADD CONSTRAINT %2$s %3$s NOT VALID¦¶@alone ALTER TABLE %1$s¦VALIDATE CONSTRAINT %2$s¦',
			q.tab, q.name, q.body)
		WHEN q.contype IN ('p', 'u') THEN format('@outside CREATE UNIQUE INDEX CONCURRENTLY %2$s ON %1$s %5$s¶ALTER TABLE %1$s¦ADD CONSTRAINT %2$s %3$s USING INDEX %2$s%4$s¦',
			q.tab, q.name, CASE q.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, q.timing, q.index_body)
	END AS make_online,
	CASE WHEN q.valid THEN format('CONSTRAINT %s %s', q.name, q.body) END AS part,
	format('CONSTRAINT %s ON %s', q.name, q.tab) AS label, q.claim,
	format('ALTER TABLE %s RENAME CONSTRAINT ¤ TO %s', q.tab, q.name) AS rename, q.name AS old_name
FROM (SELECT k.oid, k.contype, CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique constraint' WHEN 'c' THEN 'check'
			WHEN 'f' THEN 'foreign key' WHEN 'x' THEN 'exclusion' END AS kind,
		k.conrelid AS relation, k.conrelid::regclass::text AS tab, quote_ident(k.conname) AS name, c.relkind = 'p' AS partitioned,
		k.convalidated AS valid, pg_get_constraintdef(k.oid) AS body, regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS shape,
		CASE WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END || CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END AS timing,
		CASE WHEN k.contype IN ('p', 'u') THEN {{index_body k.conindid}} END AS index_body,
		CASE WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid::regclass::text END AS claim
	FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
	WHERE k.contype IN ('p', 'u', 'c', 'f', 'x') AND c.relkind IN ('r', 'p') AND k.conparentid = 0
	AND NOT (k.coninhcount > 0 AND (c.relispartition OR NOT k.conislocal)) AND {{ours pg_class c.oid c.relnamespace}}) q;

-- Row triggers of the server itself keep foreign keys; switched off, the key is a promise that nobody holds.
SELECT 'switched-off foreign key' AS kind, format('%s.%I', k.conrelid::regclass, k.conname) AS name, 'pg_constraint'::regclass::oid AS parent_class,
	k.oid AS parent_oid, string_agg(DISTINCT t.tgrelid::regclass::text, ', ') AS definition,
	string_agg(DISTINCT format('ALTER TABLE %s DISABLE TRIGGER ALL', t.tgrelid::regclass), '¶') AS make,
	string_agg(DISTINCT format('ALTER TABLE %s ENABLE TRIGGER ALL', t.tgrelid::regclass), '¶') AS drop
FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint JOIN pg_class c ON c.oid = k.conrelid
WHERE t.tgisinternal AND t.tgenabled <> 'O' AND k.contype = 'f' AND k.conparentid = 0 AND {{ours pg_class c.oid c.relnamespace}}
GROUP BY k.oid;

-- The storage parameters of the indexes that constraints have.
SELECT 'option' AS kind, format('%s.%s', q.name, q.option) AS name, 'pg_constraint'::regclass::oid AS parent_class, q.oid AS parent_oid,
	q.value AS definition, format('ALTER INDEX %s¦SET (%s = %L)¦', q.name, q.option, q.value) AS make,
	format('ALTER INDEX %s¦SET (%s = %L)¦', q.name, q.option, q.value) AS change, format('ALTER INDEX %s¦RESET (%s)¦', q.name, q.option) AS drop
FROM (SELECT k.oid, i.oid::regclass::text AS name, split_part(o, '=', 1) AS option, substr(o, strpos(o, '=') + 1) AS value
	FROM pg_constraint k JOIN pg_class i ON i.oid = k.conindid CROSS JOIN unnest(i.reloptions) o JOIN pg_class c ON c.oid = k.conrelid
	WHERE k.contype IN ('p', 'u', 'x') AND k.conparentid = 0 AND {{ours pg_class c.oid c.relnamespace}}) q;
