-- Comments. Where there is no label, catalog.c takes the one of the object that the comment is on.
SELECT 'comment' AS kind, d.classoid AS parent_class, d.objoid AS parent_oid, d.objsubid AS parent_sub, quote_literal(d.description) AS definition,
	CASE WHEN a.attname IS NOT NULL THEN format('COLUMN %s.%I', a.attrelid::regclass, a.attname) END AS label
FROM pg_description d
LEFT JOIN pg_attribute a ON d.classoid = 'pg_class'::regclass AND d.objsubid > 0 AND a.attrelid = d.objoid AND a.attnum = d.objsubid
-- 16384: what is below came with the server.
WHERE d.classoid NOT IN ('pg_extension'::regclass, 'pg_language'::regclass) AND d.objoid >= 16384
AND NOT EXISTS (SELECT FROM pg_constraint k WHERE d.classoid = 'pg_class'::regclass AND k.conindid = d.objoid AND k.contype IN ('p', 'u', 'x'));

SELECT 'comment' AS kind, 'pg_namespace'::regclass::oid AS parent_class, n.oid AS parent_oid, quote_literal(d.description) AS definition
FROM pg_description d JOIN pg_namespace n ON n.oid = d.objoid
WHERE d.classoid = 'pg_namespace'::regclass AND n.nspname = 'public' AND d.description <> 'standard public schema';

SELECT 'comment' AS kind, 'pg_constraint'::regclass::oid AS parent_class, k.oid AS parent_oid, quote_literal(d.description) AS definition,
	format('INDEX %s', k.conindid::regclass) AS label
FROM pg_description d JOIN pg_constraint k ON k.conindid = d.objoid AND k.contype IN ('p', 'u', 'x')
WHERE d.classoid = 'pg_class'::regclass AND d.objsubid = 0;
