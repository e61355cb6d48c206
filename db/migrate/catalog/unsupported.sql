-- What prism-db sees but does not write: somebody has to say it by hand, in a migration and in the declared schema.
SELECT 'unsupported' AS kind, i.type || ' ' || i.identity AS name, o.class, o.oid
FROM (
	SELECT 'pg_operator'::regclass::oid AS class, x.oid, {{ours pg_operator x.oid x.oprnamespace}} AS ours FROM pg_operator x
	UNION ALL SELECT 'pg_opclass'::regclass, x.oid, {{ours pg_opclass x.oid x.opcnamespace}} FROM pg_opclass x
	UNION ALL SELECT 'pg_opfamily'::regclass, x.oid, {{ours pg_opfamily x.oid x.opfnamespace}} FROM pg_opfamily x
	UNION ALL SELECT 'pg_conversion'::regclass, x.oid, {{ours pg_conversion x.oid x.connamespace}} FROM pg_conversion x
	UNION ALL SELECT 'pg_ts_config'::regclass, x.oid, {{ours pg_ts_config x.oid x.cfgnamespace}} FROM pg_ts_config x
	UNION ALL SELECT 'pg_ts_dict'::regclass, x.oid, {{ours pg_ts_dict x.oid x.dictnamespace}} FROM pg_ts_dict x
	UNION ALL SELECT 'pg_proc'::regclass, x.oid, {{ours pg_proc x.oid x.pronamespace}} FROM pg_proc x WHERE x.prokind = 'a'
	UNION ALL SELECT 'pg_class'::regclass, x.oid, {{ours pg_class x.oid x.relnamespace}} FROM pg_class x WHERE x.relkind = 'f' OR x.reloftype <> 0
	UNION ALL SELECT 'pg_type'::regclass, x.oid, {{ours pg_type x.oid x.typnamespace}} FROM pg_type x WHERE x.typtype = 'b' AND x.typelem = 0
	UNION ALL SELECT 'pg_cast'::regclass, x.oid, true FROM pg_cast x WHERE {{independent pg_cast x.oid}}
	UNION ALL SELECT 'pg_language'::regclass, x.oid, true FROM pg_language x WHERE {{independent pg_language x.oid}}
	UNION ALL SELECT 'pg_event_trigger'::regclass, x.oid, true FROM pg_event_trigger x WHERE {{independent pg_event_trigger x.oid}}
	UNION ALL SELECT 'pg_foreign_server'::regclass, x.oid, true FROM pg_foreign_server x WHERE {{independent pg_foreign_server x.oid}}
	UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, x.oid, true FROM pg_foreign_data_wrapper x WHERE {{independent pg_foreign_data_wrapper x.oid}}
) o CROSS JOIN LATERAL pg_identify_object(o.class, o.oid, 0) i
WHERE o.ours AND o.oid >= 16384;
