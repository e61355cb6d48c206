-- Functions and procedures. OR REPLACE takes another body, not other arguments or results: those are the shape.
SELECT q.word AS kind, q.name, 'pg_proc'::regclass::oid AS class, q.oid, q.body AS definition, q.shape, q.body AS make, q.body AS change,
	format('DROP %s %s', upper(q.word), q.name) AS drop, upper(q.word) || ' ' || q.name AS label
FROM (SELECT p.oid, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS word, p.oid::regprocedure::text AS name,
		rtrim(pg_get_functiondef(p.oid), E'\n') AS body,
		concat_ws(' ', pg_get_function_identity_arguments(p.oid), 'RETURNS', pg_get_function_result(p.oid), p.prokind, p.pronargdefaults) AS shape
	FROM pg_proc p
	WHERE p.prokind IN ('f', 'p', 'w') AND {{ours pg_proc p.oid p.pronamespace}}
	-- A range's own.
	AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')) q;
