#include "db/migrate/program/verb.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SIGNAL_EXIT = 128, MESSAGE_SIZE = 1024 };

static volatile sig_atomic_t started_pid;

/* Blocking calls do not notice a signal. What was under way is rolled back, and a server that was
 * started for this command does not outlive it. */
static void interrupted(int signal_number)
{
	if (started_pid > 0)
		kill(started_pid, SIGINT);
	_exit(SIGNAL_EXIT + signal_number);
}

static bool find_state_dir(struct database *database, const struct options *options)
{
	if (options->state_dir) {
		int length = snprintf(database->state_dir, sizeof(database->state_dir), "%s",
		                      options->state_dir);
		if (length > 0 && (size_t)length < sizeof(database->state_dir))
			return true;
	} else if (embedded_default_state_dir(database->state_dir, sizeof(database->state_dir))) {
		return true;
	}
	say("there is no usable state directory: give one with --state-dir");
	return false;
}

static bool start(struct database *database, const char *how)
{
	char message[EMBEDDED_MESSAGE_SIZE];
	say("using the embedded PostgreSQL of %s (%s)", database->state_dir, how);
	if (!embedded_start(&database->embedded, database->state_dir, message)) {
		say("%s", message);
		return false;
	}
	database->started = true;
	started_pid = embedded_pid(database->embedded);
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	signal(SIGHUP, interrupted);
	return true;
}

static bool open_embedded(struct database *database, enum database_need need)
{
	char message[EMBEDDED_MESSAGE_SIZE];
	switch (embedded_attach(&database->embedded, database->state_dir, message)) {
	case EMBEDDED_RUNNING:
		say("using the embedded PostgreSQL of %s (running)", database->state_dir);
		return true;
	case EMBEDDED_STOPPED:
		return need == DATABASE_OPTIONAL || start(database, "started for this command");
	case EMBEDDED_ABSENT:
		if (need == DATABASE_OPTIONAL)
			return true;
		if (need == DATABASE_MADE)
			return start(database, "made for this command");
		say("there is no database: %s has no embedded PostgreSQL, and neither "
		    "--database-url nor "
		    "DATABASE_URL names one; `prismd` or `prism-db upgrade head` makes it",
		    database->state_dir);
		return false;
	case EMBEDDED_ERROR:
		break;
	}
	say("%s", message);
	return false;
}

bool database_open(struct database *out, const struct options *options, enum database_need need)
{
	*out = (struct database){.conninfo = options->database_url};
	if (!find_state_dir(out, options))
		return false;
	if (out->conninfo)
		return true;
	if (!open_embedded(out, need))
		return false;
	if (out->embedded)
		out->conninfo = embedded_conninfo(out->embedded);
	return true;
}

void database_close(struct database *database)
{
	if (database->started)
		embedded_stop(database->embedded);
	else
		embedded_release(database->embedded);
	started_pid = 0;
}

enum exit_code database_connect(struct database *database, const struct options *options,
                                PGconn **connection)
{
	char message[MESSAGE_SIZE];
	if (!database_open(database, options, DATABASE_THERE))
		return EXIT_UNREACHABLE;
	*connection = db_connect(database->conninfo, "prism-db", message, sizeof(message));
	if (*connection)
		return EXIT_DONE;
	say("%s", message);
	database_close(database);
	return EXIT_UNREACHABLE;
}

void database_disconnect(struct database *database, PGconn *connection)
{
	PQfinish(connection);
	database_close(database);
}
