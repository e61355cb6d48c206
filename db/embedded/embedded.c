#include "db/embedded.h"
#include "db/embedded/install.h"
#include "db/embedded/place.h"
#include "db/embedded/postmaster.h"
#include "db/startup/connect.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CONNINFO_SIZE = 512,
	LOG_SIZE_MAX = 16 << 20,
	START_PATIENCE_MS = 300000, /* recovery after a crash reads the log again */
	ADOPT_PATIENCE_MS = 10000,
	STOP_PATIENCE_MS = 30000,
	UNHEALTHY_PATIENCE_MS = 5000,
	POLL_MS = 20,
	CLEAN_PATIENCE_MS = 5000,
	TAIL_SIZE = 2048,
};

static const char database[] = "prism_db", superuser[] = "prism", program[] = "prismd start";

struct embedded {
	struct place place;
	struct postmaster postmaster;
	int lock; /* -1: attached to what another program runs */
	uint32_t connections;
	char conninfo[CONNINFO_SIZE];
};

bool embedded_default_state_dir(char *out, size_t size)
{
	return state_dir_default(out, size);
}

const char *embedded_conninfo(const struct embedded *embedded)
{
	return embedded->conninfo;
}

int embedded_pid(const struct embedded *embedded)
{
	return embedded->postmaster.pid;
}

/* hostaddr is empty, so that PGHOSTADDR does not lead elsewhere. */
static void write_conninfo(char out[CONNINFO_SIZE], const char *socket, const char *name)
{
	snprintf(out, CONNINFO_SIZE, "host=%s hostaddr='' port=%d user=%s dbname=%s", socket,
	         PLACE_PORT, superuser, name);
}

static bool lock_failed(const char *path, int file, char message[EMBEDDED_MESSAGE_SIZE])
{
	char holder[32] = "", name[32] = "", comm[64];
	int error = errno;
	if (file < 0 || error != EWOULDBLOCK) {
		snprintf(message, EMBEDDED_MESSAGE_SIZE, "cannot lock %.300s: %s", path,
		         strerror(error));
		return false;
	}
	ssize_t length = pread(file, holder, sizeof(holder) - 1, 0);
	holder[length > 0 ? length : 0] = '\0';
	holder[strspn(holder, "0123456789")] = '\0';
	snprintf(comm, sizeof(comm), "/proc/%s/comm", holder);
	FILE *stream = fopen(comm, "re");
	if (stream && fgets(name, sizeof(name), stream))
		name[strcspn(name, "\n")] = '\0';
	if (stream)
		fclose(stream);
	snprintf(message, EMBEDDED_MESSAGE_SIZE,
	         "the embedded PostgreSQL is in use by process %s (%s), which holds %.200s: stop "
	         "it, or "
	         "take another --state-dir",
	         holder[0] ? holder : "?", name[0] ? name : "?", path);
	return false;
}

/* Not inherited by PostgreSQL: it ends with this program, however that ends. */
static bool take_lock(struct embedded *embedded, char message[EMBEDDED_MESSAGE_SIZE])
{
	char path[STATE_PATH_SIZE], pid[24];
	if (!state_path(path, embedded->place.state_dir, "postgresql.lock", message,
	                EMBEDDED_MESSAGE_SIZE))
		return false;
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0 || flock(file, LOCK_EX | LOCK_NB) != 0) {
		bool taken = lock_failed(path, file, message);
		if (file >= 0)
			close(file);
		return taken;
	}
	int length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(file, 0) == 0 && pwrite(file, pid, (size_t)length, 0) == length) {
		embedded->lock = file;
		return true;
	}
	snprintf(message, EMBEDDED_MESSAGE_SIZE, "cannot write %.300s: %s", path, strerror(errno));
	close(file);
	return false;
}

/* Answers, is this cluster, and has room for `connections`. */
static bool is_healthy(const struct embedded *embedded, uint32_t connections)
{
	char conninfo[CONNINFO_SIZE], ignored[64];
	write_conninfo(conninfo, embedded->postmaster.socket, "postgres connect_timeout=5");
	DB_CONNECTION connection = db_connect(conninfo, program, ignored, sizeof(ignored));
	if (!connection)
		return false;
	DB_RESULT result = db_run(connection, "look at the server",
	                          "SELECT current_setting('data_directory'),"
	                          " current_setting('max_connections')",
	                          0, NULL, ignored, sizeof(ignored));
	return result && strcmp(PQgetvalue(result, 0, 0), embedded->place.data) == 0 &&
	       strtoul(PQgetvalue(result, 0, 1), NULL, 10) >= connections;
}

/* A server that is still starting up is given time. */
static bool adopt(struct embedded *embedded, uint32_t connections)
{
	for (int waited = 0; waited < ADOPT_PATIENCE_MS && !embedded->postmaster.ready;
	     waited += POLL_MS) {
		postmaster_pause();
		if (!postmaster_find(&embedded->place, &embedded->postmaster))
			return false;
	}
	return embedded->postmaster.ready && embedded->postmaster.socket[0] &&
	       is_healthy(embedded, connections);
}

static unsigned data_version(const struct place *place)
{
	char path[STATE_PATH_SIZE], ignored[64], line[32] = "";
	if (!state_path(path, place->data, "PG_VERSION", ignored, sizeof(ignored)))
		return 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	bool read = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	return read ? (unsigned)strtoul(line, NULL, 10) : 0;
}

/* What the log says in its last lines, as far as it fits. */
static void append_log(const struct place *place, char message[EMBEDDED_MESSAGE_SIZE])
{
	char tail[TAIL_SIZE + 1];
	size_t at = strlen(message);
	int file = open(place->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t size = file >= 0 ? lseek(file, 0, SEEK_END) : 0;
	size_t room = EMBEDDED_MESSAGE_SIZE - at - 1;
	size_t wanted = room > 64 && room < TAIL_SIZE ? room - 64 : 0;
	off_t from = size > (off_t)wanted ? size - (off_t)wanted : 0;
	ssize_t length = file >= 0 ? pread(file, tail, wanted, from) : -1;
	if (file >= 0)
		close(file);
	if (length <= 0)
		return;
	tail[length] = '\0';
	const char *line = from > 0 ? strchr(tail, '\n') : tail;
	snprintf(message + at, EMBEDDED_MESSAGE_SIZE - at, "; its log ends: %s",
	         line ? line : tail);
	for (char *c = message + at; *c; c++)
		if (*c == '\n')
			*c = ' ';
}

static bool failed(const struct place *place, const char *what, char message[EMBEDDED_MESSAGE_SIZE])
{
	snprintf(message, EMBEDDED_MESSAGE_SIZE, "%s (%.200s)", what, place->log);
	append_log(place, message);
	return false;
}

static bool run_initdb(const struct place *place, const char *programs, const char *directory)
{
	char initdb[INSTALL_PATH_SIZE + 16];
	snprintf(initdb, sizeof(initdb), "%s/initdb", programs);
	const char *const make[] = {initdb,
	                            "--pgdata",
	                            directory,
	                            "--username",
	                            superuser,
	                            "--encoding=UTF8",
	                            "--locale=C.UTF-8",
	                            "--data-checksums",
	                            "--auth-local=trust",
	                            "--auth-host=reject",
	                            "--no-instructions",
	                            NULL};
	return account_run(&place->account, make, place->log);
}

/* What is left of an initdb that was killed may be at work for a moment more. */
static void remove_half_made(const struct place *place)
{
	const char *const clean[] = {"/bin/sh", "-c",        "rm -rf -- \"$1\"/half-made.*",
	                             "sh",      place->base, NULL};
	for (int waited = 0; waited < CLEAN_PATIENCE_MS; waited += POLL_MS) {
		if (account_run(&place->account, clean, place->log))
			return;
		postmaster_pause();
	}
}

/* Whole or not at all: what a kill leaves half made has a name of its own, and goes with the next
 * attempt. */
static bool make_cluster(const struct place *place, const char *programs,
                         char message[EMBEDDED_MESSAGE_SIZE])
{
	char half[STATE_PATH_SIZE];
	remove_half_made(place);
	if (!state_path(half, place->base, "half-made.XXXXXX", message, EMBEDDED_MESSAGE_SIZE))
		return false;
	if (!mkdtemp(half)) {
		snprintf(message, EMBEDDED_MESSAGE_SIZE, "cannot make %.300s: %s", half,
		         strerror(errno));
		return false;
	}
	if (!account_give(&place->account, half, message, EMBEDDED_MESSAGE_SIZE))
		return false;
	if (!run_initdb(place, programs, half))
		return failed(place, "initdb could not make a PostgreSQL cluster", message);
	if (rename(half, place->data) == 0)
		return true;
	snprintf(message, EMBEDDED_MESSAGE_SIZE, "cannot name %.300s: %s", place->data,
	         strerror(errno));
	return false;
}

static void limit_log(const struct place *place)
{
	struct stat info;
	char old[STATE_PATH_SIZE], ignored[64];
	if (stat(place->log, &info) == 0 && info.st_size > LOG_SIZE_MAX &&
	    state_path(old, place->base, "log.old", ignored, sizeof(ignored)))
		(void)rename(place->log, old);
}

static bool spawn(struct embedded *embedded, const char *programs, uint32_t connections)
{
	const struct place *place = &embedded->place;
	char server[INSTALL_PATH_SIZE + 16], socket[300], count[48], port[16];
	snprintf(server, sizeof(server), "%s/postgres", programs);
	snprintf(socket, sizeof(socket), "unix_socket_directories=%s", embedded->postmaster.socket);
	snprintf(count, sizeof(count), "max_connections=%u", (unsigned)connections);
	snprintf(port, sizeof(port), "%d", PLACE_PORT);
	/* Row values stay out of the log: no statements, no details. */
	const char *const start[] = {server,
	                             "-D",
	                             place->data,
	                             "-p",
	                             port,
	                             "-c",
	                             socket,
	                             "-c",
	                             count,
	                             "-c",
	                             "listen_addresses=",
	                             "-c",
	                             "unix_socket_permissions=0700",
	                             "-c",
	                             "fsync=on",
	                             "-c",
	                             "jit=off",
	                             "-c",
	                             "timezone=UTC",
	                             "-c",
	                             "log_timezone=UTC",
	                             "-c",
	                             "log_error_verbosity=terse",
	                             "-c",
	                             "log_min_error_statement=panic",
	                             "-c",
	                             "cluster_name=prism",
	                             NULL};
	embedded->postmaster.pid = account_spawn(&place->account, start, place->log);
	return embedded->postmaster.pid > 0;
}

static bool wait_until_ready(struct embedded *embedded, char message[EMBEDDED_MESSAGE_SIZE])
{
	char conninfo[CONNINFO_SIZE];
	write_conninfo(conninfo, embedded->postmaster.socket, "postgres");
	for (int waited = 0; waited < START_PATIENCE_MS; waited += POLL_MS) {
		if (!postmaster_runs(embedded->postmaster.pid))
			return failed(&embedded->place, "PostgreSQL ended at its start", message);
		if (PQping(conninfo) == PQPING_OK)
			return true;
		postmaster_pause();
	}
	postmaster_stop(embedded->postmaster.pid, UNHEALTHY_PATIENCE_MS);
	return failed(&embedded->place, "PostgreSQL did not get ready within five minutes",
	              message);
}

static bool start_server(struct embedded *embedded, uint32_t connections,
                         char message[EMBEDDED_MESSAGE_SIZE])
{
	const struct place *place = &embedded->place;
	char programs[INSTALL_PATH_SIZE];
	unsigned version = data_version(place);
	if (!install_find(version, programs, message, EMBEDDED_MESSAGE_SIZE))
		return false;
	if (version == 0 && !make_cluster(place, programs, message))
		return false;
	limit_log(place);
	if (!place_socket(place, embedded->postmaster.socket, sizeof(embedded->postmaster.socket),
	                  message, EMBEDDED_MESSAGE_SIZE))
		return false;
	postmaster_clear_stale(place, embedded->postmaster.socket);
	if (!spawn(embedded, programs, connections))
		return failed(place, "cannot start PostgreSQL", message);
	return wait_until_ready(embedded, message);
}

static bool has_database(PGconn *connection, bool *has, char message[EMBEDDED_MESSAGE_SIZE])
{
	DB_RESULT found = db_run(connection, "look for the database prism_db",
	                         "SELECT FROM pg_database WHERE datname = 'prism_db'", 0, NULL,
	                         message, EMBEDDED_MESSAGE_SIZE);
	*has = found && PQntuples(found) == 1;
	return found != NULL;
}

/* The backend of a program that was killed may be making it too: then that one is as good. */
static bool make_database(const struct embedded *embedded, char message[EMBEDDED_MESSAGE_SIZE])
{
	char conninfo[CONNINFO_SIZE], ignored[EMBEDDED_MESSAGE_SIZE];
	bool has;
	write_conninfo(conninfo, embedded->postmaster.socket, "postgres");
	DB_CONNECTION connection = db_connect(conninfo, program, message, EMBEDDED_MESSAGE_SIZE);
	if (!connection || !has_database(connection, &has, message))
		return false;
	if (has)
		return true;
	DB_RESULT made =
		db_run(connection, "create the database prism_db", "CREATE DATABASE prism_db", 0,
	               NULL, message, EMBEDDED_MESSAGE_SIZE);
	return made || (has_database(connection, &has, ignored) && has);
}

static bool adopt_or_start(struct embedded *embedded, uint32_t connections,
                           char message[EMBEDDED_MESSAGE_SIZE])
{
	if (postmaster_find(&embedded->place, &embedded->postmaster)) {
		if (adopt(embedded, connections))
			return true;
		if (postmaster_find(&embedded->place, &embedded->postmaster))
			postmaster_stop(embedded->postmaster.pid, UNHEALTHY_PATIENCE_MS);
	}
	return start_server(embedded, connections, message);
}

static struct embedded *allocate(char message[EMBEDDED_MESSAGE_SIZE])
{
	struct embedded *embedded = calloc(1, sizeof(*embedded));
	if (embedded)
		embedded->lock = -1;
	else
		snprintf(message, EMBEDDED_MESSAGE_SIZE, "out of memory");
	return embedded;
}

bool embedded_start_for(struct embedded **out, const char *state_dir, uint32_t connections,
                        char message[EMBEDDED_MESSAGE_SIZE])
{
	*out = NULL;
	struct embedded *embedded = allocate(message);
	if (!embedded)
		return false;
	if (!place_make(&embedded->place, state_dir, message, EMBEDDED_MESSAGE_SIZE) ||
	    !take_lock(embedded, message) || !adopt_or_start(embedded, connections, message)) {
		embedded_release(embedded);
		return false;
	}
	if (!make_database(embedded, message)) {
		embedded_stop(embedded);
		return false;
	}
	embedded->connections = connections;
	write_conninfo(embedded->conninfo, embedded->postmaster.socket, database);
	*out = embedded;
	return true;
}

bool embedded_start(struct embedded **out, const char *state_dir,
                    char message[EMBEDDED_MESSAGE_SIZE])
{
	return embedded_start_for(out, state_dir, EMBEDDED_CONNECTIONS, message);
}

bool embedded_revive(struct embedded *embedded, bool *restarted,
                     char message[EMBEDDED_MESSAGE_SIZE])
{
	assert(embedded->lock >= 0);
	*restarted = false;
	if (postmaster_runs(embedded->postmaster.pid))
		return true;
	if (!start_server(embedded, embedded->connections, message))
		return false;
	*restarted = true;
	return true;
}

/* Up to the point where prism_db exists: whoever started the server may still be making it. */
static bool is_usable(struct embedded *embedded)
{
	char ignored[64];
	if (!embedded->postmaster.ready || !embedded->postmaster.socket[0])
		return false;
	write_conninfo(embedded->conninfo, embedded->postmaster.socket, database);
	DB_CONNECTION connection =
		db_connect(embedded->conninfo, "prism-db", ignored, sizeof(ignored));
	return connection != NULL;
}

enum embedded_found embedded_attach(struct embedded **out, const char *state_dir,
                                    char message[EMBEDDED_MESSAGE_SIZE])
{
	bool there = false;
	enum embedded_found found = EMBEDDED_ERROR;
	*out = NULL;
	struct embedded *embedded = allocate(message);
	if (embedded &&
	    place_find(&embedded->place, state_dir, &there, message, EMBEDDED_MESSAGE_SIZE)) {
		if (!there || data_version(&embedded->place) == 0)
			found = EMBEDDED_ABSENT;
		else if (postmaster_find(&embedded->place, &embedded->postmaster) &&
		         is_usable(embedded))
			found = EMBEDDED_RUNNING;
		else
			found = EMBEDDED_STOPPED;
	}
	if (found == EMBEDDED_RUNNING)
		*out = embedded;
	else
		embedded_release(embedded);
	return found;
}

void embedded_stop(struct embedded *embedded)
{
	if (!embedded)
		return;
	postmaster_stop(embedded->postmaster.pid, STOP_PATIENCE_MS);
	place_forget_socket(&embedded->place);
	embedded_release(embedded);
}

void embedded_release(struct embedded *embedded)
{
	if (!embedded)
		return;
	if (embedded->lock >= 0)
		close(embedded->lock);
	free(embedded);
}
