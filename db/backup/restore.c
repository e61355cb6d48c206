#include "db/backup/restore.h"
#include "db/backup/archive.h"
#include "db/backup/ask.h"
#include "db/backup/container.h"
#include "db/backup/dump.h"
#include "db/backup/interrupt.h"
#include "db/backup/manifest.h"
#include "db/backup/measure.h"
#include "db/backup/target.h"
#include "db/backup/tool.h"

#include "db/startup/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

struct restoring {
	const struct backup_settings *settings;
	const char *path;
	enum backup_format format;
	json_t *manifest;       /* NULL: there is none */
	const json_t *contents; /* NULL: nobody knows */
	struct scratch scratch;
	struct backup_step step;
	gzFile text;
	int file;
	bool damaged;
	char *message;
};

static void show(const struct restoring *restoring)
{
	if (restoring->settings->progress)
		restoring->settings->progress(restoring->settings->ctx, &restoring->step);
}

static void note(const struct backup_settings *settings, const char *line)
{
	if (settings->note)
		settings->note(settings->ctx, line);
}

static bool is_text(const struct restoring *restoring)
{
	return restoring->format == BACKUP_PLAIN || restoring->format == BACKUP_PLAIN_GZIP;
}

/* --- into the scratch database -------------------------------------------------------------------
 */

static ssize_t fill_text(void *ctx, char *buffer, size_t size)
{
	struct restoring *restoring = ctx;
	int n = gzread(restoring->text, buffer, (unsigned)size);
	restoring->damaged = n < 0;
	restoring->step.bytes = (uint64_t)gzoffset(restoring->text);
	show(restoring);
	return n;
}

static ssize_t fill_file(void *ctx, char *buffer, size_t size)
{
	struct restoring *restoring = ctx;
	ssize_t n = read(restoring->file, buffer, size);
	restoring->damaged = n < 0;
	restoring->step.bytes += n > 0 ? (uint64_t)n : 0;
	show(restoring);
	return n;
}

static void on_line(void *ctx, const char *line)
{
	struct restoring *restoring = ctx;
	if (strstr(line, "processing data for table"))
		restoring->step.tables++;
	show(restoring);
}

static void add_words(struct tool *tool, const struct restoring *restoring, char jobs[32])
{
	static const char *const sql[] = {"-X", "-q", "-v", "ON_ERROR_STOP=1", "-1", "-f", "-"};
	bool text = is_text(restoring);
	snprintf(jobs, 32, "--jobs=%u", dump_jobs(restoring->settings));
	for (size_t i = 0; text && i < sizeof sql / sizeof *sql; i++)
		tool_add(tool, sql[i]);
	tool_add(tool, "--no-password");
	if (text)
		return;
	tool_add(tool, "--verbose");
	tool_add(tool, "--exit-on-error");
	if (restoring->format == BACKUP_DIRECTORY) {
		tool_add(tool, jobs);
		tool_add(tool, restoring->path);
	}
}

/* What pg_restore says of an archive that ends too early; there was no manifest to find that out
 * by. */
static bool is_cut_short(const char *error)
{
	return strstr(error, "could not read from input file") != NULL;
}

static enum backup_status feed(struct restoring *restoring, const struct tool *tool)
{
	char error[CHILD_ERROR_SIZE];
	bool text = is_text(restoring);
	struct child_io io = {.line = on_line, .ctx = restoring};
	if (restoring->format != BACKUP_DIRECTORY)
		io.fill = text ? fill_text : fill_file;
	restoring->file = open(restoring->path, O_RDONLY | O_CLOEXEC);
	restoring->text = text ? gzopen(restoring->path, "rbe") : NULL;
	bool good =
		restoring->file >= 0 && (!text || restoring->text) && tool_run(tool, &io, error);
	if (restoring->text)
		gzclose(restoring->text);
	if (restoring->file < 0)
		snprintf(error, sizeof error, "cannot read %s: %s", restoring->path,
		         strerror(errno));
	else
		close(restoring->file);
	if (good)
		return BACKUP_OK;
	if (!restoring->damaged && is_cut_short(error)) {
		snprintf(restoring->message, BACKUP_MESSAGE_SIZE, "%s is cut short or damaged: %s",
		         restoring->path, error);
		return BACKUP_DAMAGED;
	}
	snprintf(restoring->message, BACKUP_MESSAGE_SIZE, "the restore failed: %s",
	         restoring->damaged ? "the file is damaged" : error);
	return restoring->damaged ? BACKUP_DAMAGED : BACKUP_FAILED;
}

/* Who owns what is in the dump has to exist. */
static enum backup_status make_roles(struct restoring *restoring)
{
	json_t *roles = json_object_get(restoring->contents, "roles"), *role;
	size_t i;
	json_array_foreach(roles, i, role)
	{
		const char *name = json_string_value(role);
		DB_RESULT made = db_run(
			restoring->scratch.server, "look for a role",
			"SELECT format('CREATE ROLE %I', $1::text) WHERE NOT EXISTS (SELECT FROM "
			"pg_roles WHERE rolname = $1)",
			1, &name, restoring->message, BACKUP_MESSAGE_SIZE);
		if (!made)
			return BACKUP_FAILED;
		if (PQntuples(made) == 0)
			continue;
		char line[160];
		snprintf(line, sizeof line, "make the role %.63s, which owns part of the backup",
		         name);
		DB_RESULT done = db_run(restoring->scratch.server, line, PQgetvalue(made, 0, 0), 0,
		                        NULL, restoring->message, BACKUP_MESSAGE_SIZE);
		if (!done)
			return BACKUP_FAILED;
		snprintf(line, sizeof line, "made the role %.63s; it may not log in yet", name);
		note(restoring->settings, line);
	}
	return BACKUP_OK;
}

static enum backup_status fill_scratch(struct restoring *restoring)
{
	struct tool tool;
	char jobs[32];
	bool text = is_text(restoring);
	const char *program = text ? "psql" : "pg_restore";
	PGconn *server = restoring->scratch.server;
	if (!tool_check(restoring->settings, server, program, restoring->message))
		return BACKUP_FAILED;
	enum backup_status status = make_roles(restoring);
	if (status != BACKUP_OK)
		return status;
	if (!tool_init(&tool, restoring->settings, server, program, restoring->scratch.name,
	               restoring->message))
		return BACKUP_FAILED;
	add_words(&tool, restoring, jobs);
	restoring->step.doing = "restoring";
	restoring->step.tables_total =
		text ? 0
		     : (unsigned)json_object_size(json_object_get(restoring->contents, "tables"));
	status = feed(restoring, &tool);
	tool_deinit(&tool);
	return status;
}

/* Statistics, so that the first plans are good ones; then what it holds. */
static enum backup_status compare(struct restoring *restoring)
{
	DB_CONNECTION there =
		target_connect(restoring->settings, restoring->scratch.name, restoring->message);
	if (!there)
		return BACKUP_UNREACHABLE;
	DB_RESULT analyzed =
		ask(there, "gather statistics", "ANALYZE", 0, NULL, restoring->message);
	if (!analyzed)
		return BACKUP_FAILED;
	if (!restoring->contents)
		return BACKUP_OK;
	json_t *tables = json_object_get(restoring->contents, "tables");
	void *first = json_object_iter(tables);
	bool digests = first && json_object_get(json_object_iter_value(first), "digest");
	json_t *found = measure_take(there, digests, restoring->message);
	bool equal = found && measure_equal(restoring->contents, found, restoring->message);
	json_decref(found);
	return !found ? BACKUP_FAILED : equal ? BACKUP_OK : BACKUP_DAMAGED;
}

/* In a database with the locale of `like`, or NULL: that of the manifest. */
static enum backup_status restore_into(struct restoring *restoring, const char *like)
{
	enum backup_status status = target_make(&restoring->scratch, restoring->settings, like,
	                                        restoring->contents, restoring->message);
	if (status == BACKUP_OK)
		status = fill_scratch(restoring);
	if (status == BACKUP_OK)
		status = compare(restoring);
	return status;
}

enum backup_status restore_compare(const struct backup_settings *settings, const char *path,
                                   const char *database, const json_t *contents,
                                   char message[BACKUP_MESSAGE_SIZE])
{
	struct restoring restoring = {
		.settings = settings, .path = path, .contents = contents, .message = message};
	restoring.format = archive_sniff(path, message);
	if (restoring.format == BACKUP_FORMAT_NONE)
		return BACKUP_DAMAGED;
	enum backup_status status = restore_into(&restoring, database);
	scratch_drop(&restoring.scratch);
	return status;
}

/* --- a file of a user's -------------------------------------------------------------------------
 */

/* Whether the bytes are those that the manifest tells of. */
static bool compare_files(struct restoring *restoring, const json_t *files)
{
	if (!restoring->manifest) {
		note(restoring->settings,
		     "there is no manifest beside the file: what is restored cannot be compared");
		return true;
	}
	const json_t *match = manifest_match(restoring->manifest, files, restoring->message);
	restoring->contents = json_object_get(match, "contents");
	if (match && match != restoring->manifest)
		note(restoring->settings, "a backup that was to replace this file was killed just "
		                          "before it did: this is "
		                          "the former one");
	return match;
}

/* Before anything is made: is it whole? */
static enum backup_status inspect(struct restoring *restoring)
{
	restoring->format = archive_sniff(restoring->path, restoring->message);
	if (restoring->format == BACKUP_DIRECTORY && restoring->settings->container) {
		snprintf(restoring->message, BACKUP_MESSAGE_SIZE,
		         "%s is a directory, which pg_restore in the container does not see: "
		         "restore it without --container",
		         restoring->path);
		return BACKUP_REFUSED;
	}
	if (restoring->format == BACKUP_FORMAT_NONE ||
	    !manifest_read(restoring->path, &restoring->manifest, restoring->message))
		return BACKUP_DAMAGED;
	json_t *files = archive_hash(restoring->path, restoring->message);
	if (!files)
		return BACKUP_FAILED;
	restoring->step.bytes_total =
		restoring->format == BACKUP_DIRECTORY ? 0 : archive_bytes(files);
	bool good = compare_files(restoring, files);
	json_decref(files);
	if (good && is_text(restoring))
		good = archive_read_through(restoring->path, restoring->message);
	return good ? BACKUP_OK : interrupt_came() ? BACKUP_FAILED : BACKUP_DAMAGED;
}

static enum backup_status look_at_target(struct restoring *restoring, struct target *target)
{
	enum backup_status status = target_look(restoring->settings, target, restoring->message);
	if (status != BACKUP_OK || target->empty || restoring->settings->replace)
		return status;
	snprintf(restoring->message, BACKUP_MESSAGE_SIZE,
	         "the database %s is not empty: restore into a new one (--into NAME), or say "
	         "--replace to put the backup in its place",
	         target->name);
	return BACKUP_REFUSED;
}

/* The database that the connection string means; NULL with a message. */
static bool target_name(const struct backup_settings *settings, char name[64], char *message)
{
	DB_CONNECTION connection =
		db_connect(settings->conninfo, settings->program, message, BACKUP_MESSAGE_SIZE);
	if (connection)
		snprintf(name, 64, "%s", PQdb(connection));
	return connection != NULL;
}

enum backup_status backup_restore(const struct backup_settings *settings, const char *path,
                                  const char *database, char message[BACKUP_MESSAGE_SIZE])
{
	char name[64];
	struct restoring restoring = {.settings = settings, .path = path, .message = message};
	struct target target = {.name = database ? database : name};
	if (sodium_init() < 0 || (database && strlen(database) >= sizeof name)) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "a database's name has at most 63 bytes");
		return BACKUP_REFUSED;
	}
	enum backup_status status = container_named(settings, message) ? BACKUP_OK : BACKUP_REFUSED;
	if (status == BACKUP_OK && !database && !target_name(settings, name, message))
		status = BACKUP_UNREACHABLE;
	if (settings->interruptible)
		interrupt_arm();
	if (status == BACKUP_OK)
		status = inspect(&restoring);
	if (status == BACKUP_OK)
		status = look_at_target(&restoring, &target);
	if (status == BACKUP_OK)
		status = restore_into(&restoring, target.exists ? target.name : NULL);
	if (status == BACKUP_OK) {
		target_sweep(settings, restoring.scratch.server);
		status = target_take(&restoring.scratch, settings, &target,
		                     json_object_get(restoring.contents, "properties"), message);
	}
	scratch_drop(&restoring.scratch);
	json_decref(restoring.manifest);
	return status;
}
