#include "migrate_catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An ACL that was never touched means the default; grants in any order are the same. */
#define ACL(kind, acl, owner)                                                         \
	"(SELECT coalesce(string_agg(format('%s:%s:%s',"                              \
	" coalesce(nullif(a.grantee, 0)::regrole::text, 'public'), a.privilege_type," \
	" a.is_grantable), ' ' ORDER BY a.grantee, a.privilege_type), '')"            \
	" FROM aclexplode(coalesce(" acl ", acldefault('" kind "', " owner "))) a)"

#define OURS   " n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'prism_meta')"
#define SORTED " ORDER BY 1"

static const char *const dump_sql[] = {
	"SELECT format('relation %s %s persistence=%s rls=%s/%s options=%s owner=%s acl=%s"
	" comment=%s', c.oid::regclass, c.relkind, c.relpersistence, c.relrowsecurity,"
	" c.relforcerowsecurity, c.reloptions, c.relowner::regrole,"
	" CASE WHEN c.relkind IN ('r', 'p', 'v', 'm') THEN " ACL(
		"r", "c.relacl",
		"c.relowner") " WHEN c.relkind = 'S' THEN " ACL("s", "c.relacl",
                                                                "c.relowner") " END,"
									      " obj_description(c."
									      "oid, 'pg_class'))"
									      " FROM pg_class c "
									      "JOIN pg_namespace n "
									      "ON n.oid = "
									      "c.relnamespace "
									      "WHERE" OURS SORTED,

	"SELECT format('column %s.%s %s notnull=%s default=%s identity=%s generated=%s"
	" collation=%s comment=%s', c.oid::regclass, a.attname,"
	" format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),"
	" a.attidentity, a.attgenerated, a.attcollation::regcollation,"
	" col_description(c.oid, a.attnum))"
	" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
	" JOIN pg_namespace n ON n.oid = c.relnamespace"
	" LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
	" WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v')"
	" AND" OURS SORTED,

	"SELECT format('constraint %s.%s %s validated=%s deferrable=%s', conrelid::regclass,"
	" conname, pg_get_constraintdef(k.oid), convalidated, condeferrable)"
	" FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE" OURS SORTED,

	"SELECT format('index %s valid=%s', pg_get_indexdef(i.indexrelid), i.indisvalid)"
	" FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
	" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE" OURS SORTED,

	"SELECT format('sequence %s %s start=%s increment=%s min=%s max=%s cycle=%s owner=%s',"
	" s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin,"
	" s.seqmax, s.seqcycle,"
	" (SELECT format('%s.%s %s', d.refobjid::regclass, a.attname, d.deptype) FROM pg_depend d"
	"  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
	"  WHERE d.objid = s.seqrelid AND d.classid = 'pg_class'::regclass"
	"  AND d.deptype IN ('a', 'i')))"
	" FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid"
	" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE" OURS SORTED,

	"SELECT format('enum %s %s', t.oid::regtype,"
	" string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder))"
	" FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid"
	" JOIN pg_namespace n ON n.oid = t.typnamespace WHERE" OURS " GROUP BY t.oid" SORTED,

	"SELECT format('trigger %s enabled=%s', pg_get_triggerdef(t.oid), t.tgenabled)"
	" FROM pg_trigger t WHERE NOT t.tgisinternal" SORTED,

	"SELECT format('function %s %s', p.oid::regprocedure, pg_get_functiondef(p.oid))"
	" FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
	" WHERE p.prokind IN ('f', 'p') AND" OURS SORTED,

	"SELECT format('policy %s.%s %s', polrelid::regclass, polname,"
	" pg_get_expr(polqual, polrelid)) FROM pg_policy" SORTED,

	"SELECT format('default privileges %s %s %s %s', defaclrole::regrole,"
	" defaclnamespace::regnamespace, defaclobjtype,"
	" " ACL("r", "d.defaclacl", "d.defaclrole") ") FROM pg_default_acl d" SORTED,

	"SELECT format('schema %s owner=%s acl=%s', n.nspname, n.nspowner::regrole,"
	" " ACL("n", "n.nspacl", "n.nspowner") ") FROM pg_namespace n WHERE" OURS SORTED,
};

/* Times as instants in UTC, whatever their type says. */
static const char *const rows_sql[] = {
	"SELECT format('users %s %s %s %s %s %s %s %s', id, email, username, password_hash,"
	" full_name, status, email_verified, extract(epoch FROM created_at)) FROM users" SORTED,
	"SELECT format('organizations %s %s %s %s %s', id, name, slug, owner_id, settings)"
	" FROM organizations" SORTED,
	"SELECT format('members %s %s %s %s', id, user_id, organization_id, role)"
	" FROM organization_members" SORTED,
	"SELECT format('projects %s %s %s %s %s %s %s %s %s', id, organization_id, name, key,"
	" description, status, owner_id, start_date, end_date) FROM projects" SORTED,
	"SELECT format('epics %s %s %s %s %s', id, project_id, name, description, status)"
	" FROM epics" SORTED,
	"SELECT format('documents %s %s %s %s %s %s %s %s %s', id, project_id, title, slug,"
	" content, document_type, status, creator_id, metadata) FROM documents" SORTED,
	"SELECT format('stories %s %s %s %s %s %s %s %s %s %s %s %s %s %s', id, project_id,"
	" epic_id, sprint_id, title, description, acceptance_criteria, story_points, priority,"
	" status, assignee_id, creator_id, extract(epoch FROM created_at),"
	" extract(epoch FROM updated_at)) FROM stories" SORTED,
	"SELECT format('sprints %s %s %s %s %s %s %s %s', id, project_id, name, goal, start_date,"
	" end_date, status, velocity) FROM sprints" SORTED,
	"SELECT format('generations %s %s %s %s %s %s %s %s %s %s', id, user_id, project_id,"
	" generation_type, provider, model, prompt, response, tokens_used, cost)"
	" FROM ai_generations" SORTED,
	"SELECT format('sessions %s %s %s', id, user_id, token_hash) FROM user_sessions" SORTED,
};

static void append(char **text, size_t *length, const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++) {
		size_t size = (size_t)PQgetlength(result, row, 0);
		*text = realloc(*text, *length + size + 2);
		assert_non_null(*text);
		memcpy(*text + *length, PQgetvalue(result, row, 0), size);
		memcpy(*text + *length + size, "\n", 2);
		*length += size + 1;
	}
}

static char *lines_of(PGconn *connection, const char *const *queries, size_t count)
{
	char *text = strdup("");
	size_t length = 0;
	for (size_t i = 0; i < count; i++) {
		PGresult *result = PQexec(connection, queries[i]);
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			fail_msg("%s", PQerrorMessage(connection));
		append(&text, &length, result);
		PQclear(result);
	}
	return text;
}

char *catalog_dump(PGconn *connection)
{
	return lines_of(connection, dump_sql, sizeof(dump_sql) / sizeof(dump_sql[0]));
}

char *catalog_seed_rows(PGconn *connection)
{
	return lines_of(connection, rows_sql, sizeof(rows_sql) / sizeof(rows_sql[0]));
}

static void print_missing(const char *sign, const char *from, const char *in)
{
	while (*from) {
		size_t length = strcspn(from, "\n") + 1;
		char *line = strndup(from, length);
		assert_non_null(line);
		if (!strstr(in, line))
			print_error("%s %s", sign, line);
		free(line);
		from += length;
	}
}

void catalog_assert_equal(const char *what, const char *before, const char *after)
{
	if (strcmp(before, after) == 0)
		return;
	print_missing("-", before, after);
	print_missing("+", after, before);
	fail_msg("%s: not the same", what);
}
