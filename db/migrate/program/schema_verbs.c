/* upgrade, downgrade, current, history, heads, show, verify, stamp. */
#include "db/migrate/migrate.h"
#include "db/migrate/program/table.h"
#include "db/migrate/program/verb.h"
#include "db/migrate/script.h"
#include "db/migrate/target.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_SECONDS_MAX = 86400 };

/* An open database with the migrations to use on it. */
struct session {
	struct database database;
	struct migration_set *loaded; /* --migrations */
	struct migrate *migrate;
};

static void print_note(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

static enum exit_code code_of(enum migrate_status status)
{
	switch (status) {
	case MIGRATE_OK:
		return EXIT_DONE;
	case MIGRATE_BAD_TARGET:
		return EXIT_USAGE;
	case MIGRATE_UNREACHABLE:
		return EXIT_UNREACHABLE;
	case MIGRATE_BUSY:
		return EXIT_BUSY;
	case MIGRATE_MISMATCH:
		return EXIT_MISMATCH;
	case MIGRATE_FAILED:
		return EXIT_FAILED;
	}
	return EXIT_FAILED;
}

static void session_close(struct session *session)
{
	migrate_close(session->migrate);
	migration_set_free(session->loaded);
	database_close(&session->database);
}

static enum exit_code session_connect(struct session *session, const struct options *options,
                                      int64_t wait_seconds)
{
	char message[MIGRATE_MESSAGE_SIZE];
	struct migrate_settings settings = {
		.conninfo = session->database.conninfo,
		.program = "prism-db",
		.set = session->loaded,
		.lock_wait_ms = (uint32_t)wait_seconds * 1000,
		.note = print_note,
	};
	if (options->migrations &&
	    !migration_set_load(&session->loaded, options->migrations, message, sizeof(message))) {
		say("%s", message);
		return EXIT_USAGE;
	}
	settings.set = session->loaded;
	enum migrate_status status = migrate_open(&session->migrate, &settings, message);
	if (status != MIGRATE_OK)
		say("%s", message);
	return code_of(status);
}

static enum exit_code session_open(struct session *session, const struct options *options,
                                   enum database_need need)
{
	int64_t wait_seconds = MIGRATE_LOCK_WAIT_MS / 1000;
	*session = (struct session){0};
	if (options->wait &&
	    !options_number("--wait", options->wait, 0, WAIT_SECONDS_MAX, &wait_seconds))
		return EXIT_USAGE;
	if (!database_open(&session->database, options, need))
		return EXIT_UNREACHABLE;
	enum exit_code code = session_connect(session, options, wait_seconds);
	if (code != EXIT_DONE)
		session_close(session);
	return code;
}

/* The migrations of --migrations, else those compiled in. */
static const struct migration_set *load_set(const struct options *options,
                                            struct migration_set **loaded)
{
	char message[MIGRATE_MESSAGE_SIZE];
	*loaded = NULL;
	if (!options->migrations)
		return &migration_builtin;
	if (migration_set_load(loaded, options->migrations, message, sizeof(message)))
		return *loaded;
	say("%s", message);
	return NULL;
}

/* --sql: "FROM:TO", or TO; an upgrade begins at base, a downgrade at the head. No connection. */
static enum exit_code write_script(const struct options *options, const char *target, bool up)
{
	char from[MIGRATION_NAME_SIZE + 8], message[MIGRATE_MESSAGE_SIZE];
	struct migration_set *loaded;
	const struct migration_set *set = load_set(options, &loaded);
	const char *colon = strchr(target, ':');
	if (options->json || options->dry_run)
		say("--sql prints a script; it goes with neither --json nor --dry-run");
	if (!set || options->json || options->dry_run) {
		migration_set_free(loaded);
		return EXIT_USAGE;
	}
	snprintf(from, sizeof(from), "%.*s", colon ? (int)(colon - target) : 4,
	         colon ? target
	         : up  ? "base"
	               : "head");
	enum migrate_status status =
		script_write(stdout, set, from, colon ? colon + 1 : target, up, message);
	if (status != MIGRATE_OK)
		say("%s", message);
	migration_set_free(loaded);
	return code_of(status);
}

enum exit_code verb_verify(const struct options *options)
{
	struct session session;
	char message[MIGRATE_MESSAGE_SIZE];
	enum exit_code code = session_open(&session, options, DATABASE_THERE);
	if (code != EXIT_DONE)
		return code;
	enum migrate_status status = migrate_verify(session.migrate, message);
	if (options->json && (status == MIGRATE_OK || status == MIGRATE_MISMATCH)) {
		json_t *out = json_pack("{s:b, s:s?}", "verified", status == MIGRATE_OK, "problem",
		                        status == MIGRATE_OK ? NULL : message);
		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(out);
	} else if (status == MIGRATE_OK) {
		printf("what is applied is what this prism-db has\n");
	}
	if (status != MIGRATE_OK)
		say("%s", message);
	session_close(&session);
	return code_of(status);
}

/* The history is linear: there is one head, always. */
enum exit_code verb_heads(const struct options *options)
{
	struct migration_set *loaded;
	const struct migration_set *set = load_set(options, &loaded);
	if (!set)
		return EXIT_USAGE;
	const struct migration *last = migration_at(set, (uint32_t)set->count);
	if (options->json)
		printf("[{\"revision\": \"%04u\", \"name\": \"%s\"}]\n", last->revision,
		       last->name);
	else
		printf("%04u_%s (head)\n", last->revision, last->name);
	migration_set_free(loaded);
	return EXIT_DONE;
}

static void print_migration(const struct migration *migration, bool json)
{
	char revision[16];
	snprintf(revision, sizeof(revision), "%04u", migration->revision);
	if (!json) {
		printf("-- %s_%s.up.sql    SHA-256 %s\n%s\n-- %s_%s.down.sql  SHA-256 %s\n%s",
		       revision, migration->name, migration->up_sha256, migration->up, revision,
		       migration->name, migration->down_sha256, migration->down);
		return;
	}
	json_t *out =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "revision", revision, "name",
	                  migration->name, "up", migration->up, "up_sha256", migration->up_sha256,
	                  "down", migration->down, "down_sha256", migration->down_sha256);
	json_dumpf(out, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
}

enum exit_code verb_show(const struct options *options)
{
	char message[MIGRATE_MESSAGE_SIZE];
	uint32_t revision;
	struct migration_set *loaded;
	const struct migration_set *set = load_set(options, &loaded);
	if (!set)
		return EXIT_USAGE;
	bool found =
		target_of_stamp(set, options->operands[1], &revision, message, sizeof(message));
	if (found && revision > 0)
		print_migration(migration_at(set, revision), options->json);
	else if (found)
		say("base is the empty schema: there is nothing to show");
	else
		say("%s", message);
	migration_set_free(loaded);
	return found && revision > 0 ? EXIT_DONE : EXIT_USAGE;
}

/* What current and history gather while they walk. */
struct walk {
	const struct options *options;
	struct table *table; /* or: */
	json_t *list;
	uint32_t live, head; /* 0: none */
	uint32_t from, to;   /* what of it is shown */
	char live_name[MIGRATION_NAME_SIZE];
	unsigned changed;
};

static const char *state_of(const struct migration *known, const struct migration_applied *applied)
{
	if (!applied)
		return "pending";
	if (!known)
		return "unknown here";
	bool same = strcmp(known->up_sha256, applied->up_sha256) == 0 &&
	            strcmp(known->down_sha256, applied->down_sha256) == 0;
	return same ? "applied" : "applied, changed since";
}

static void see(struct walk *walk, const struct migration *known,
                const struct migration_applied *applied)
{
	if (known)
		walk->head = known->revision;
	if (!applied)
		return;
	walk->live = applied->revision;
	memcpy(walk->live_name, applied->name, sizeof(walk->live_name));
}

static void see_only(void *ctx, const struct migration *known,
                     const struct migration_applied *applied)
{
	see(ctx, known, applied);
}

/* current: the revision, and how far it is from the head. */
static void print_current(const struct walk *walk, bool json)
{
	char revision[16];
	snprintf(revision, sizeof(revision), "%04u", walk->live);
	if (json) {
		json_t *out = json_pack("{s:o, s:o, s:s?, s:b}", "revision",
		                        walk->live ? json_string(revision) : json_null(), "name",
		                        walk->live ? json_string(walk->live_name) : json_null(),
		                        "head", NULL, "at_head", walk->live == walk->head);
		snprintf(revision, sizeof(revision), "%04u", walk->head);
		json_object_set_new(out, "head", json_string(revision));
		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(out);
	} else if (walk->live == 0) {
		printf("base (no migration is applied; head is %04u)\n", walk->head);
	} else if (walk->live == walk->head) {
		printf("%s_%s (head)\n", revision, walk->live_name);
	} else if (walk->live < walk->head) {
		printf("%s_%s (head is %04u)\n", revision, walk->live_name, walk->head);
	} else {
		printf("%s_%s (this prism-db knows %04u at most)\n", revision, walk->live_name,
		       walk->head);
	}
}

/* --- upgrade, downgrade, stamp ------------------------------------------------------------------
 */

static enum exit_code change(const struct options *options, enum database_need need,
                             enum migrate_status (*run)(struct migrate *, const char *target,
                                                        char message[MIGRATE_MESSAGE_SIZE]),
                             const char *target)
{
	struct session session;
	char message[MIGRATE_MESSAGE_SIZE];
	enum exit_code code = session_open(&session, options, need);
	if (code != EXIT_DONE)
		return code;
	struct walk walk = {.options = options};
	enum migrate_status status = run(session.migrate, target, message);
	if (status == MIGRATE_OK && options->json)
		status = migrate_history(session.migrate, see_only, &walk, message);
	if (status != MIGRATE_OK)
		say("%s", message);
	else if (options->json)
		print_current(&walk, true);
	session_close(&session);
	return code_of(status);
}

static enum migrate_status try_upgrade(struct migrate *migrate, const char *target,
                                       char message[MIGRATE_MESSAGE_SIZE])
{
	return migrate_try(migrate, true, target, message);
}

static enum migrate_status try_downgrade(struct migrate *migrate, const char *target,
                                         char message[MIGRATE_MESSAGE_SIZE])
{
	return migrate_try(migrate, false, target, message);
}

enum exit_code verb_upgrade(const struct options *options)
{
	const char *target = options->operand_count > 1 ? options->operands[1] : "head";
	if (options->sql)
		return write_script(options, target, true);
	return change(options, DATABASE_MADE, options->dry_run ? try_upgrade : migrate_upgrade,
	              target);
}

enum exit_code verb_downgrade(const struct options *options)
{
	if (options->sql)
		return write_script(options, options->operands[1], false);
	return change(options, DATABASE_THERE, options->dry_run ? try_downgrade : migrate_downgrade,
	              options->operands[1]);
}

enum exit_code verb_stamp(const struct options *options)
{
	return change(options, DATABASE_THERE, migrate_stamp, options->operands[1]);
}

static json_t *history_json(const struct migration *known, const struct migration_applied *applied,
                            const char *revision)
{
	json_t *row =
		json_pack("{s:s, s:s, s:s}", "revision", revision, "name",
	                  known ? known->name : applied->name, "state", state_of(known, applied));
	if (known)
		json_object_update_new(row, json_pack("{s:s, s:s}", "up_sha256", known->up_sha256,
		                                      "down_sha256", known->down_sha256));
	if (applied)
		json_object_update_new(row, json_pack("{s:s, s:s, s:s, s:I}", "applied_at",
		                                      applied->applied_at, "applied_by",
		                                      applied->applied_by, "tool_version",
		                                      applied->tool_version, "duration_ms",
		                                      (json_int_t)applied->duration_ms));
	return row;
}

static void history_row(struct table *table, const struct migration *known,
                        const struct migration_applied *applied, const char *revision, bool verbose)
{
	char duration[32] = "", sha[16] = "";
	if (applied)
		snprintf(duration, sizeof(duration), "%lld ms", (long long)applied->duration_ms);
	snprintf(sha, sizeof(sha), "%.12s", known ? known->up_sha256 : applied->up_sha256);
	const char *cells[] = {revision,
	                       known ? known->name : applied->name,
	                       state_of(known, applied),
	                       applied ? applied->applied_at : "",
	                       applied ? applied->applied_by : "",
	                       applied ? applied->tool_version : "",
	                       duration,
	                       sha};
	table_add(table, cells, verbose ? 8 : 4);
}

static void history_each(void *ctx, const struct migration *known,
                         const struct migration_applied *applied)
{
	struct walk *walk = ctx;
	char revision[16];
	uint32_t number = known ? known->revision : applied ? applied->revision : 0;
	if (number < walk->from || number > walk->to || number == 0)
		return;
	snprintf(revision, sizeof(revision), "%04u", number);
	if (walk->list)
		json_array_append_new(walk->list, history_json(known, applied, revision));
	else
		history_row(walk->table, known, applied, revision, walk->options->verbose);
}

/* One end of a range: a revision, base, head, current, or -N. */
static bool range_end(const struct migration_set *set, const struct walk *walk, const char *word,
                      uint32_t *revision)
{
	char message[MIGRATE_MESSAGE_SIZE];
	if (strcmp(word, "current") == 0) {
		*revision = walk->live;
		return true;
	}
	if (word[0] == '-'
	            ? target_of_downgrade(set, walk->live, word, revision, message, sizeof(message))
	            : target_of_stamp(set, word, revision, message, sizeof(message)))
		return true;
	say("%s", message);
	return false;
}

/* "FROM:TO", where either may be left out, or one revision. */
static bool read_range(const struct migration_set *set, struct walk *walk, const char *range)
{
	char from[MIGRATION_NAME_SIZE + 8];
	const char *colon = strchr(range, ':');
	const char *to = colon ? colon + 1 : range;
	snprintf(from, sizeof(from), "%.*s", (int)(colon ? (size_t)(colon - range) : strlen(range)),
	         range);
	return (!*from || range_end(set, walk, from, &walk->from)) &&
	       (!*to || range_end(set, walk, to, &walk->to));
}

static enum migrate_status print_history(struct session *session, struct walk *walk, char *message)
{
	static const char *const header[] = {"REVISION", "NAME",    "STATE", "APPLIED AT",
	                                     "BY",       "VERSION", "TOOK",  "SHA-256 (UP)"};
	walk->list = walk->options->json ? json_array() : NULL;
	walk->table = table_new(header, walk->options->verbose ? 8 : 4);
	enum migrate_status status = migrate_history(session->migrate, history_each, walk, message);
	if (status == MIGRATE_OK && walk->list)
		json_dumpf(walk->list, stdout, JSON_INDENT(2)), putchar('\n');
	else if (status == MIGRATE_OK)
		table_print(walk->table, stdout);
	json_decref(walk->list);
	table_free(walk->table);
	return status;
}

enum exit_code verb_history(const struct options *options)
{
	struct session session;
	char message[MIGRATE_MESSAGE_SIZE];
	enum exit_code code = session_open(&session, options, DATABASE_THERE);
	if (code != EXIT_DONE)
		return code;
	struct walk walk = {.options = options, .to = UINT32_MAX};
	enum migrate_status status = migrate_history(session.migrate, see_only, &walk, message);
	bool good = options->operand_count == 1 ||
	            read_range(session.loaded ? session.loaded : &migration_builtin, &walk,
	                       options->operands[1]);
	if (status == MIGRATE_OK && good)
		status = print_history(&session, &walk, message);
	if (status != MIGRATE_OK)
		say("%s", message);
	session_close(&session);
	return good ? code_of(status) : EXIT_USAGE;
}

enum exit_code verb_current(const struct options *options)
{
	struct session session;
	char message[MIGRATE_MESSAGE_SIZE];
	struct walk walk = {.options = options};
	enum exit_code code = session_open(&session, options, DATABASE_THERE);
	if (code != EXIT_DONE)
		return code;
	enum migrate_status status = migrate_history(session.migrate, see_only, &walk, message);
	walk.from = walk.to = walk.live;
	if (status == MIGRATE_OK && !(options->json && options->verbose))
		print_current(&walk, options->json);
	if (status == MIGRATE_OK && options->verbose)
		status = print_history(&session, &walk, message);
	if (status != MIGRATE_OK)
		say("%s", message);
	session_close(&session);
	return code_of(status);
}
