-- What depends on what, as the server has it, in terms of the addresses of the other queries. The last one read.
SELECT 'dependency' AS kind, d.classid AS class, d.objid AS oid, CASE WHEN d.deptype = 'a' AND s.relkind = 'S' THEN -1
		WHEN r.relkind IN ('r', 'p', 'f') AND s.relkind IN ('r', 'p') AND d.objsubid = 0 AND d.refobjsubid = 0 AND d.objid <> d.refobjid THEN -2
		ELSE d.objsubid END AS sub,
	d.refclassid AS parent_class, d.refobjid AS parent_oid, d.refobjsubid AS parent_sub, CASE WHEN d.deptype IN ('i', 'e') THEN 'i' END AS flags
FROM pg_depend d
LEFT JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid
LEFT JOIN pg_class r ON d.refclassid = 'pg_class'::regclass AND r.oid = d.refobjid
WHERE d.objid >= 16384 AND (d.refobjid >= 16384 OR d.refclassid = 'pg_namespace'::regclass) AND d.deptype <> 'x'
UNION ALL
-- A generated column's expression is its own.
SELECT 'dependency', 'pg_attrdef'::regclass::oid, d.oid, 0, 'pg_class'::regclass::oid, a.attrelid, a.attnum, 'i'
FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated <> '';
