-- Views, rules, triggers, policies. OR REPLACE VIEW keeps the columns: those are the shape.
SELECT q.kind, q.name, 'pg_class'::regclass::oid AS class, q.oid, q.options || q.body AS definition, q.shape,
	format(E'CREATE %s %s%s AS\n%s', upper(q.kind), q.name, q.options, q.body) AS make,
	CASE q.kind WHEN 'view' THEN format(E'CREATE OR REPLACE VIEW %s%s AS\n%s', q.name, q.options, q.body) END AS change,
	format('DROP %s %s', upper(q.kind), q.name) AS drop, upper(q.kind) || ' ' || q.name AS label, q.name AS claim
FROM (SELECT c.oid, c.oid::regclass::text AS name, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind,
		CASE WHEN c.relkind = 'v' AND c.reloptions IS NOT NULL THEN (SELECT format(' WITH (%s)', string_agg(o, ', ' ORDER BY o)) FROM unnest(c.reloptions) o) ELSE '' END AS options,
		rtrim(pg_get_viewdef(c.oid), ';') AS body,
		(SELECT string_agg(format('%I %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation), ', ' ORDER BY a.attnum)
			FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS shape
	FROM pg_class c
	WHERE c.relkind IN ('v', 'm') AND {{ours pg_class c.oid c.relnamespace}}) q;

SELECT 'rule' AS kind, q.relation || '.' || q.name AS name, 'pg_rewrite'::regclass::oid AS class, q.oid, 'pg_class'::regclass::oid AS parent_class,
	q.parent AS parent_oid, q.body AS definition, q.body AS shape, q.body AS make, format('DROP RULE %s ON %s', q.name, q.relation) AS drop,
	format('RULE %s ON %s', q.name, q.relation) AS label
FROM (SELECT r.oid, c.oid AS parent, c.oid::regclass::text AS relation, quote_ident(r.rulename) AS name, rtrim(pg_get_ruledef(r.oid), ';') AS body
	FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
	WHERE r.rulename <> '_RETURN' AND {{ours pg_class c.oid c.relnamespace}}) q;

SELECT 'trigger' AS kind, q.relation || '.' || q.name AS name, 'pg_trigger'::regclass::oid AS class, q.oid, 'pg_class'::regclass::oid AS parent_class,
	q.parent AS parent_oid, q.body AS definition, q.body AS shape, q.body AS make, format('DROP TRIGGER %s ON %s', q.name, q.relation) AS drop,
	format('TRIGGER %s ON %s', q.name, q.relation) AS label
FROM (SELECT t.oid, c.oid AS parent, c.oid::regclass::text AS relation, quote_ident(t.tgname) AS name, pg_get_triggerdef(t.oid) AS body
	FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND {{ours pg_class c.oid c.relnamespace}}) q;

SELECT 'trigger state' AS kind, q.relation || '.' || q.name AS name, 'pg_trigger'::regclass::oid AS parent_class, q.oid AS parent_oid, q.word AS definition,
	format('ALTER TABLE %s¦%s TRIGGER %s¦', q.relation, q.word, q.name) AS make, format('ALTER TABLE %s¦%s TRIGGER %s¦', q.relation, q.word, q.name) AS change,
	format('ALTER TABLE %s¦ENABLE TRIGGER %s¦', q.relation, q.name) AS drop
FROM (SELECT t.oid, c.oid::regclass::text AS relation, quote_ident(t.tgname) AS name,
		CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END AS word
	FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'O' AND {{ours pg_class c.oid c.relnamespace}}) q;

SELECT 'policy' AS kind, q.relation || '.' || q.name AS name, 'pg_policy'::regclass::oid AS class, q.oid, 'pg_class'::regclass::oid AS parent_class,
	q.parent AS parent_oid, q.body AS definition, q.body AS shape, format('CREATE POLICY %s ON %s %s', q.name, q.relation, q.body) AS make,
	format('DROP POLICY %s ON %s', q.name, q.relation) AS drop, format('POLICY %s ON %s', q.name, q.relation) AS label
FROM (SELECT p.oid, c.oid AS parent, c.oid::regclass::text AS relation, quote_ident(p.polname) AS name,
		concat_ws(' ', CASE WHEN NOT p.polpermissive THEN 'AS RESTRICTIVE' END,
			'FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
			'TO ' || (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ' ORDER BY CASE r WHEN 0 THEN '' ELSE r::regrole::text END)
				FROM unnest(p.polroles) r),
			'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', 'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS body
	FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
	WHERE {{ours pg_class c.oid c.relnamespace}}) q;
