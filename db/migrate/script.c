#include "db/migrate/script.h"
#include "db/migrate/autocommit.h"
#include "db/migrate/ledger.h"
#include "db/migrate/lock.h"
#include "db/migrate/target.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* psql's own; they hold for one run of the script. */
static const char head[] = "\\set ON_ERROR_STOP on\n"
			   "SET client_min_messages = warning;\n"
			   "SET statement_timeout = 0;\n";

static void write_check(FILE *out, uint32_t from)
{
	fprintf(out,
	        "DO $$ BEGIN\n"
	        "  IF (SELECT coalesce(max(revision), 0) FROM prism_meta.schema_migrations) <> "
	        "%" PRIu32 " THEN\n"
	        "    RAISE 'this script starts at revision %04" PRIu32 ", the database is at %%',\n"
	        "      (SELECT coalesce(max(revision), 0) FROM prism_meta.schema_migrations);\n"
	        "  END IF;\n"
	        "END $$;\n",
	        from, from);
}

/* Names are [a-z0-9_], hashes hexadecimal: nothing to quote. */
static void write_record(FILE *out, const struct migration *migration, bool up)
{
	if (up)
		fputs("INSERT INTO prism_meta.schema_migrations (revision, name, up_sha256, "
		      "down_sha256, tool_version, duration_ms)\n",
		      out);
	else
		fputs("DELETE FROM prism_meta.schema_migrations WHERE", out);
	fprintf(out,
	        up ? "  VALUES (%" PRIu32 ", '%s', '%s', '%s', '" PRISM_VERSION
	             "', extract(epoch FROM clock_timestamp() - now()) * 1000);\n"
	           : " revision = %" PRIu32 ";\n",
	        migration->revision, migration->name, migration->up_sha256, migration->down_sha256);
	fputs("INSERT INTO prism_meta.migration_log (verb, revision, name, sha256, tool_version, "
	      "duration_ms)\n",
	      out);
	fprintf(out, "  VALUES ('%s', %" PRIu32 ", '%s', '%s', '" PRISM_VERSION "', 0);\n",
	        up ? "upgrade" : "downgrade", migration->revision, migration->name,
	        up ? migration->up_sha256 : migration->down_sha256);
}

static void write_step(FILE *out, const struct migration *migration, bool up)
{
	const char *sql = up ? migration->up : migration->down;
	bool whole = !autocommit_wanted(sql);
	fprintf(out, "\n\\echo %04" PRIu32 "_%s.%s.sql\n", migration->revision, migration->name,
	        up ? "up" : "down");
	fputs(whole ? STEP_BEGIN ";\n" : "SET search_path = public; SET TimeZone = 'UTC';\n", out);
	fputs(sql, out);
	/* A comment at the end has to end too; so has a last statement. */
	fputs("\n;\n", out);
	fputs(whole ? "" : "RESET search_path; RESET TimeZone;\nBEGIN;\n", out);
	write_record(out, migration, up);
	fputs("COMMIT;\n", out);
}

static bool read_from(const struct migration_set *set, const char *from, uint32_t *revision,
                      char *message)
{
	return target_of_stamp(set, from, revision, message, MIGRATE_MESSAGE_SIZE);
}

enum migrate_status script_write(FILE *out, const struct migration_set *set, const char *from,
                                 const char *to, bool up, char message[MIGRATE_MESSAGE_SIZE])
{
	uint32_t start, goal;
	if (!read_from(set, from, &start, message) ||
	    !(up ? target_of_upgrade(set, start, to, &goal, message, MIGRATE_MESSAGE_SIZE)
	         : target_of_downgrade(set, start, to, &goal, message, MIGRATE_MESSAGE_SIZE)))
		return MIGRATE_BAD_TARGET;
	fprintf(out,
	        "-- prism-db " PRISM_VERSION ": from revision %04" PRIu32 " to %04" PRIu32
	        ". Run it with psql; it stops at the first error, and what is done stays.\n%s",
	        start, goal, head);
	fprintf(out, "SELECT pg_advisory_lock(" LOCK_KEY ") \\g /dev/null\n%s;\n", ledger_sql);
	write_check(out, start);
	for (uint32_t next = start + 1; up && next <= goal; next++)
		write_step(out, migration_at(set, next), true);
	for (uint32_t next = start; !up && next > goal; next--)
		write_step(out, migration_at(set, next), false);
	fprintf(out, "\n%s;\nSELECT pg_advisory_unlock(" LOCK_KEY ") \\g /dev/null\n",
	        ledger_share_sql);
	return MIGRATE_OK;
}
