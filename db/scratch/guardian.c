#include "db/scratch/guardian.h"
#include "db/scratch/scratch.h"
#include "db/startup/connect.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BACKEND_WAITS = 300 }; /* a tenth of a second each */

bool guarded_drop(PGconn *server, const char *database)
{
	char ignored[256];
	return scratch_run_given(
		server, "drop the scratch database",
		"SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1::text)", database,
		NULL, ignored, sizeof(ignored));
}

bool guarded_end(PGconn *server, const char *session)
{
	char ignored[256];
	DB_RESULT ended = db_run(server, "end what runs elsewhere",
	                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
	                         "application_name = $1",
	                         1, &session, ignored, sizeof(ignored));
	return ended;
}

/* The backend that makes the database does so to the end, whether or not its client lives. */
static void wait_for_backend(PGconn *server, const char *pid)
{
	const struct timespec pause = {0, 100000000};
	char message[256];
	for (int i = 0; i < BACKEND_WAITS; i++) {
		DB_RESULT found = db_run(server, "look for the backend",
		                         "SELECT FROM pg_stat_activity WHERE pid = $1::integer", 1,
		                         &pid, message, sizeof(message));
		if (!found || PQntuples(found) == 0)
			return;
		nanosleep(&pause, NULL);
	}
}

static void end(const struct guarded *guarded)
{
	char message[256], pid[16];
	PGconn *server =
		db_connect(guarded->conninfo, "prism-db guardian", message, sizeof(message));
	snprintf(pid, sizeof(pid), "%d", guarded->backend);
	if (server) {
		wait_for_backend(server, pid);
		if (guarded->database)
			(void)!guarded_drop(server, guarded->database);
		if (guarded->session)
			(void)!guarded_end(server, guarded->session);
	}
	PQfinish(server);
}

/* The parent's connections are not ours: one that stays open here would keep its session. */
static void keep_only(int fd)
{
	if (dup2(fd, STDERR_FILENO + 1) < 0)
		_exit(1);
	close_range(STDERR_FILENO + 2, ~0U, 0);
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(nowhere, STDIN_FILENO);
	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
}

__attribute__((noreturn)) static void guard(int from_parent, const struct guarded *guarded)
{
	char word;
	keep_only(from_parent);
	/* A parent that is interrupted, or whose terminal closes, is what this waits for. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (read(STDERR_FILENO + 1, &word, 1) != 1)
		end(guarded);
	_exit(0);
}

bool guardian_start(pid_t *pid, int *to_guardian, const struct guarded *guarded)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	*pid = fork();
	if (*pid == 0) {
		close(ends[1]);
		guard(ends[0], guarded);
	}
	close(ends[0]);
	*to_guardian = ends[1];
	if (*pid < 0)
		close(ends[1]);
	return *pid > 0;
}

void guardian_dismiss(pid_t pid, int to_guardian)
{
	(void)!write(to_guardian, "x", 1);
	close(to_guardian);
	waitpid(pid, NULL, 0);
}

void guardian_leave(int to_guardian)
{
	close(to_guardian);
}
