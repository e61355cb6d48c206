#include "db/backup/dump.h"
#include "db/backup/archive.h"
#include "db/backup/tool.h"

#include "db/scratch/guardian.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_DEFAULT_MAX = 4 };

struct dumping {
	const struct backup_settings *settings;
	struct backup_step step;
	struct archive_hashing hashing;
	int file;
	int error; /* errno of the write that failed */
};

unsigned dump_jobs(const struct backup_settings *settings)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (settings->jobs)
		return settings->jobs;
	return processors < 1                  ? 1
	       : processors > JOBS_DEFAULT_MAX ? JOBS_DEFAULT_MAX
	                                       : (unsigned)processors;
}

static void show(const struct dumping *dumping)
{
	if (dumping->settings->progress)
		dumping->settings->progress(dumping->settings->ctx, &dumping->step);
}

static bool take(void *ctx, const char *data, size_t size)
{
	struct dumping *dumping = ctx;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(dumping->file, data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			dumping->error = errno;
			return false;
		}
		done += (size_t)n;
	}
	archive_hashing_take(&dumping->hashing, data, size);
	dumping->step.bytes += size;
	show(dumping);
	return true;
}

/* pg_dump --verbose says which table it is at. */
static void on_line(void *ctx, const char *line)
{
	struct dumping *dumping = ctx;
	if (strstr(line, "dumping contents of table"))
		dumping->step.tables++;
	show(dumping);
}

static void add_words(struct tool *tool, const struct dump_request *request, unsigned jobs,
                      char text[2][80])
{
	static const char *const formats[] = {[BACKUP_PLAIN] = "--format=plain",
	                                      [BACKUP_PLAIN_GZIP] = "--format=plain",
	                                      [BACKUP_CUSTOM] = "--format=custom",
	                                      [BACKUP_DIRECTORY] = "--format=directory"};
	snprintf(text[0], sizeof text[0], "--snapshot=%s", request->snapshot);
	snprintf(text[1], sizeof text[1], "--jobs=%u", jobs);
	tool_add(tool, formats[request->format]);
	tool_add(tool, text[0]);
	tool_add(tool, "--verbose");
	tool_add(tool, "--no-password");
	if (request->format == BACKUP_PLAIN_GZIP)
		tool_add(tool, "--compress=6");
	if (request->format == BACKUP_DIRECTORY) {
		tool_add(tool, text[1]);
		tool_add(tool, "--file");
		tool_add(tool, request->path);
	}
}

static enum backup_status run(struct dumping *dumping, const struct tool *tool,
                              const struct dump_request *request, char *message)
{
	char error[CHILD_ERROR_SIZE];
	bool streamed = request->format != BACKUP_DIRECTORY;
	const struct child_io io = {
		.take = streamed ? take : NULL, .line = on_line, .ctx = dumping};
	if (tool_run(tool, &io, error))
		return BACKUP_OK;
	if (dumping->error)
		snprintf(message, BACKUP_MESSAGE_SIZE, "cannot write %s: %s", request->path,
		         strerror(dumping->error));
	else
		snprintf(message, BACKUP_MESSAGE_SIZE, "the dump failed: %s", error);
	return BACKUP_FAILED;
}

/* The engine's client runs here, and pg_dump in the container: ending the one does not end the
 * other. Its session is what we can end. */
static enum backup_status run_inside(struct dumping *dumping, const struct tool *tool,
                                     PGconn *connection, const struct dump_request *request,
                                     char *message)
{
	pid_t guardian;
	int to_guardian;
	const struct guarded guarded = {dumping->settings->conninfo, .session = tool->session,
	                                .backend = PQbackendPID(connection)};
	if (!guardian_start(&guardian, &to_guardian, &guarded)) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "no process is to be had");
		return BACKUP_FAILED;
	}
	enum backup_status status = run(dumping, tool, request, message);
	if (status == BACKUP_OK || guarded_end(connection, tool->session))
		guardian_dismiss(guardian, to_guardian);
	else
		guardian_leave(to_guardian);
	return status;
}

enum backup_status dump_run(const struct backup_settings *settings, PGconn *connection,
                            const struct dump_request *request, char message[BACKUP_MESSAGE_SIZE])
{
	struct tool tool;
	char text[2][80];
	struct dumping dumping = {.settings = settings,
	                          .step = {.doing = "dumping", .tables_total = request->tables},
	                          .file = request->file};
	if (!tool_init(&tool, settings, connection, "pg_dump", PQdb(connection), message))
		return BACKUP_FAILED;
	if (request->format != BACKUP_DIRECTORY)
		archive_hashing_init(&dumping.hashing);
	add_words(&tool, request, dump_jobs(settings), text);
	enum backup_status status =
		*tool.session ? run_inside(&dumping, &tool, connection, request, message)
			      : run(&dumping, &tool, request, message);
	if (request->format != BACKUP_DIRECTORY)
		archive_hashing_end(&dumping.hashing, ".", request->files);
	tool_deinit(&tool);
	return status;
}
