/* backup, restore. */
#include "db/backup/backup.h"
#include "db/migrate/program/verb.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEEP_MAX = 10000, SHOW_EVERY_MS = 200 };

/* One line on a terminal, overwritten; nothing elsewhere. */
struct display {
	bool terminal, shown;
	int64_t begun_ms, shown_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void display_hide(struct display *display)
{
	if (display->shown)
		fputs("\r\033[K", stderr);
	display->shown = false;
}

static void on_step(void *ctx, const struct backup_step *step)
{
	struct display *display = ctx;
	int64_t now = now_ms();
	double mib = (double)step->bytes / (1 << 20);
	if (!display->terminal || now - display->shown_ms < SHOW_EVERY_MS)
		return;
	display->shown_ms = now;
	display->shown = true;
	fprintf(stderr, "\r\033[K%s", step->doing);
	if (step->bytes_total)
		fprintf(stderr, " %3.0f%%",
		        100.0 * (double)step->bytes / (double)step->bytes_total);
	if (step->tables_total)
		fprintf(stderr, " table %u of %u", step->tables, step->tables_total);
	if (step->bytes)
		fprintf(stderr, " %.1f MiB, %.1f MiB/s", mib,
		        mib * 1000 / (double)(now - display->begun_ms + 1));
	fflush(stderr);
}

static void on_note(void *ctx, const char *line)
{
	display_hide(ctx);
	say("%s", line);
}

static enum exit_code code_of(enum backup_status status)
{
	switch (status) {
	case BACKUP_OK:
		return EXIT_DONE;
	case BACKUP_REFUSED:
		return EXIT_USAGE;
	case BACKUP_UNREACHABLE:
		return EXIT_UNREACHABLE;
	case BACKUP_BUSY:
		return EXIT_BUSY;
	case BACKUP_DAMAGED:
		return EXIT_MISMATCH;
	case BACKUP_FAILED:
		return EXIT_FAILED;
	}
	return EXIT_FAILED;
}

/* What both verbs share. */
struct work {
	struct database database;
	struct display display;
	struct backup_settings settings;
	char message[BACKUP_MESSAGE_SIZE];
};

static enum exit_code work_open(struct work *work, const struct options *options,
                                enum database_need need)
{
	int64_t jobs = 0;
	*work = (struct work){.display = {.terminal = isatty(STDERR_FILENO)}};
	if (options->jobs && !options_number("--jobs", options->jobs, 1, BACKUP_JOBS_MAX, &jobs))
		return EXIT_USAGE;
	if (!database_open(&work->database, options, need))
		return EXIT_UNREACHABLE;
	work->display.begun_ms = now_ms();
	work->settings = (struct backup_settings){
		.conninfo = work->database.conninfo,
		.program = "prism-db",
		.container = options->container,
		.jobs = (unsigned)jobs,
		.replace = options->replace,
		.interruptible = true,
		.progress = on_step,
		.note = on_note,
		.ctx = &work->display,
	};
	return EXIT_DONE;
}

static enum exit_code work_close(struct work *work, enum backup_status status)
{
	display_hide(&work->display);
	if (status != BACKUP_OK)
		say("%s", work->message);
	database_close(&work->database);
	return code_of(status);
}

/* --- backup ------------------------------------------------------------------------------------
 */

static bool is_directory(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* One that holds backups, and is none. */
static bool gathers(const char *path)
{
	char toc[BACKUP_PATH_SIZE];
	snprintf(toc, sizeof toc, "%s/toc.dat", path);
	return is_directory(path) && access(toc, F_OK) != 0;
}

static void tell_made(const struct work *work, const char *path, bool verified, bool json)
{
	char manifest[BACKUP_PATH_SIZE + 16];
	double seconds = (double)(now_ms() - work->display.begun_ms) / 1000;
	snprintf(manifest, sizeof manifest, "%s.manifest.json", path);
	if (!json) {
		printf("%s\n", path);
		say("backed up%s in %.1f s; %s.manifest.json says what is in it",
		    verified ? " and verified, row by row," : "", seconds, path);
		return;
	}
	json_t *root = json_pack("{s:s, s:s, s:f, s:b}", "path", path, "manifest", manifest,
	                         "seconds", seconds, "verified", verified);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

static enum backup_status make(struct work *work, const struct options *options, int64_t keep)
{
	char named[BACKUP_PATH_SIZE];
	struct backup_request request = {.path = options->operands[1], .verify = options->verify};
	bool gathered = gathers(request.path);
	enum backup_status status = BACKUP_OK;
	if (options->format)
		request.format = backup_format_named(options->format);
	if (gathered) {
		status = backup_name(&work->settings, request.path, named, work->message);
		request.path = named;
	}
	if (status == BACKUP_OK)
		status = backup_make(&work->settings, &request, work->message);
	if (status != BACKUP_OK)
		return status;
	display_hide(&work->display);
	tell_made(work, request.path, request.verify, options->json);
	if (!gathered || keep == 0)
		return BACKUP_OK;
	return backup_prune(&work->settings, options->operands[1], (unsigned)keep, work->message);
}

enum exit_code verb_backup(const struct options *options)
{
	struct work work;
	int64_t keep = 0;
	if (options->keep && !options_number("--keep", options->keep, 1, KEEP_MAX, &keep))
		return EXIT_USAGE;
	if (options->format && !backup_format_named(options->format)) {
		say("--format is plain, gzip, custom or directory, not '%s'", options->format);
		return EXIT_USAGE;
	}
	if (keep && !gathers(options->operands[1])) {
		say("--keep is for backups into an existing directory, and %s is none",
		    options->operands[1]);
		return EXIT_USAGE;
	}
	enum exit_code code = work_open(&work, options, DATABASE_THERE);
	if (code != EXIT_DONE)
		return code;
	return work_close(&work, make(&work, options, keep));
}

/* --- restore -----------------------------------------------------------------------------------
 */

static void tell_restored(const struct work *work, bool json)
{
	double seconds = (double)(now_ms() - work->display.begun_ms) / 1000;
	if (json)
		printf("{\"seconds\": %.3f}\n", seconds);
	else
		say("restored in %.1f s", seconds);
}

enum exit_code verb_restore(const struct options *options)
{
	struct work work;
	enum exit_code code = work_open(&work, options, DATABASE_MADE);
	if (code != EXIT_DONE)
		return code;
	enum backup_status status =
		backup_restore(&work.settings, options->operands[1], options->into, work.message);
	if (status == BACKUP_OK) {
		display_hide(&work.display);
		tell_restored(&work, options->json);
	}
	return work_close(&work, status);
}
