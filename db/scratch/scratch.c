#include "db/scratch/scratch.h"
#include "db/scratch/guardian.h"

#include "db/startup/connect.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* The first half of the locks' keys: "prsm" in ASCII. */
#define LOCK_CLASS "1886548845"

/* A database's name has up to 63 bytes, each as %XX or behind a backslash. */
enum { VALUE_SIZE = 3 * 63 + 4 };

static const char lock_sql[] =
	"SELECT pg_advisory_lock(" LOCK_CLASS ", ('x' || right($1, 8))::bit(32)::integer)";

static const char make_sql[] =
	"WITH given AS (SELECT coalesce((SELECT " SCRATCH_LOCALE " FROM pg_database d WHERE "
	"d.datname = $2), $3::jsonb, '{}') AS l) "
	"SELECT format('CREATE DATABASE %I TEMPLATE template0', $1::text) "
	"|| CASE WHEN l ->> 'encoding' IS NULL THEN '' ELSE format(' ENCODING %L', l ->> "
	"'encoding') END "
	"|| CASE WHEN l ->> 'collate' IS NULL THEN '' ELSE format(' LC_COLLATE %L LC_CTYPE %L', "
	"l ->> 'collate', l ->> 'ctype') END "
	"|| CASE l ->> 'locale_provider' WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE "
	"%L', l ->> "
	"'locale') WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', l ->> "
	"'locale') ELSE '' END FROM given";

/* Locks of all databases: whoever holds one may be connected to another. */
static const char stale_sql[] =
	"SELECT format('DROP DATABASE IF EXISTS %I', datname) FROM pg_database d "
	"WHERE datname ~ '^prism_(shadow|restore)_[0-9a-f]{8}$' AND pg_has_role(datdba, 'MEMBER') "
	"AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 2 "
	"AND l.classid = " LOCK_CLASS "::oid "
	"AND lpad(to_hex(l.objid::bigint), 8, '0') = right(d.datname, 8)) "
	"AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)";

/* --- another database of the server --------------------------------------------------------------
 */

/* A name as a value of a URL (each byte as %XX) or of a list of keywords (between quotes). */
static bool write_value(const char *name, bool url, char out[VALUE_SIZE])
{
	size_t at = 0;
	for (; *name && at + 4 < VALUE_SIZE; name++) {
		if (url) {
			at += (size_t)snprintf(out + at, VALUE_SIZE - at, "%%%02X",
			                       (unsigned char)*name);
			continue;
		}
		if (*name == '\'' || *name == '\\')
			out[at++] = '\\';
		out[at++] = *name;
	}
	out[at] = '\0';
	return !*name;
}

/* postgresql://, postgres://, postgresql+driver:// */
static bool is_url(const char *conninfo)
{
	const char *scheme_end = strstr(conninfo, "://"), *first = strpbrk(conninfo, "= /?");
	return strncmp(conninfo, "postgres", 8) == 0 && scheme_end && first == scheme_end + 1;
}

bool scratch_conninfo(char out[SCRATCH_CONNINFO_SIZE], const char *conninfo, const char *database)
{
	char value[VALUE_SIZE];
	bool url = is_url(conninfo);
	const char *joint = strchr(conninfo, '?') ? "&" : "?";
	/* The last word on a parameter counts. */
	int length = -1;
	if (write_value(database, url, value))
		length = url ? snprintf(out, SCRATCH_CONNINFO_SIZE, "%s%sdbname=%s", conninfo,
		                        joint, value)
		             : snprintf(out, SCRATCH_CONNINFO_SIZE, "%s dbname='%s'", conninfo,
		                        value);
	return length > 0 && length < SCRATCH_CONNINFO_SIZE;
}

bool scratch_run_given(PGconn *server, const char *doing, const char *sql, const char *first,
                       const char *second, char *message, size_t message_size)
{
	const char *values[] = {first, second};
	DB_RESULT given = db_run(server, doing, sql, first ? second ? 2 : 1 : 0, values, message,
	                         message_size);
	for (int row = 0; given && row < PQntuples(given); row++) {
		DB_RESULT done = db_run(server, doing, PQgetvalue(given, row, 0), 0, NULL, message,
		                        message_size);
		if (!done)
			return false;
	}
	return given;
}

/* --- its life -----------------------------------------------------------------------------------
 */

static bool create(struct scratch *scratch, const struct scratch_request *request, char *message,
                   size_t message_size)
{
	static const char doing[] = "make a scratch database";
	const char *values[] = {scratch->name, request->like, request->locale};
	DB_RESULT locked =
		db_run(scratch->server, doing, lock_sql, 1, values, message, message_size);
	DB_RESULT given =
		locked ? db_run(scratch->server, doing, make_sql, 3, values, message, message_size)
		       : NULL;
	DB_RESULT made = given ? PQexec(scratch->server, PQgetvalue(given, 0, 0)) : NULL;
	if (PQresultStatus(made) == PGRES_COMMAND_OK)
		return true;
	if (!given)
		return false;
	const char *sqlstate = PQresultErrorField(made, PG_DIAG_SQLSTATE);
	snprintf(scratch->sqlstate, sizeof scratch->sqlstate, "%s", sqlstate ? sqlstate : "");
	db_message(message, message_size, doing, PQerrorMessage(scratch->server));
	return false;
}

bool scratch_make(struct scratch *out, PGconn *server, const struct scratch_request *request,
                  char *message, size_t message_size)
{
	*out = (struct scratch){.server = server};
	snprintf(out->name, sizeof out->name, "prism_%s_%08x", request->purpose,
	         randombytes_random());
	const struct guarded guarded = {request->conninfo, .database = out->name,
	                                .backend = PQbackendPID(server)};
	scratch_sweep(server);
	if (!guardian_start(&out->guardian, &out->to_guardian, &guarded)) {
		out->guardian = 0;
		snprintf(message, message_size, "no process is to be had");
	} else if (create(out, request, message, message_size)) {
		return true;
	}
	char sqlstate[SCRATCH_SQLSTATE_SIZE];
	memcpy(sqlstate, out->sqlstate, sizeof sqlstate);
	scratch_drop(out);
	memcpy(out->sqlstate, sqlstate, sizeof sqlstate);
	return false;
}

void scratch_drop(struct scratch *scratch)
{
	bool dropped = !*scratch->name || guarded_drop(scratch->server, scratch->name);
	PQfinish(scratch->server);
	if (scratch->guardian > 0 && dropped)
		guardian_dismiss(scratch->guardian, scratch->to_guardian);
	else if (scratch->guardian > 0)
		guardian_leave(scratch->to_guardian);
	*scratch = (struct scratch){.server = NULL};
}

void scratch_keep(struct scratch *scratch)
{
	scratch->name[0] = '\0';
	if (scratch->guardian > 0)
		guardian_dismiss(scratch->guardian, scratch->to_guardian);
	scratch->guardian = 0;
}

void scratch_sweep(PGconn *server)
{
	char ignored[256];
	DB_RESULT stale = db_run(server, "look for what was left", stale_sql, 0, NULL, ignored,
	                         sizeof ignored);
	for (int row = 0; stale && row < PQntuples(stale); row++)
		PQclear(PQexec(server, PQgetvalue(stale, row, 0)));
}
