#include "tests/support/cluster.h"

#include "tests/support/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The port of the unix socket: names a file in the private directory, conflicts with nobody. */
enum { PATH_SIZE = 512, WAIT_MS = 20, WAITS_MAX = 1500, SOCKET_PORT = 5432 };

struct cluster {
	char directory[64];
	char conninfo[CLUSTER_CONNINFO_SIZE];
	int port;         /* of TCP; 0: it does not listen */
	pid_t postmaster; /* 0: not running */
};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("cluster: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void pause_ms(long ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&time, NULL);
}

/* --- processes ------------------------------------------------------------------------------ */

static const struct passwd *postgres_user(void)
{
	const struct passwd *user = getpwnam("postgres");
	if (!user)
		die("there is no user postgres");
	return user;
}

/* PostgreSQL refuses to run as root. */
static void drop_root(void)
{
	if (geteuid() != 0)
		return;
	const struct passwd *user = postgres_user();
	if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
		_exit(126);
}

static void redirect_output(const char *path)
{
	int out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(125);
}

/* `log`: where its output goes; NULL: ours. */
static pid_t start_process(const char *const *arguments, const char *log, bool as_postgres)
{
	pid_t pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	if (as_postgres)
		drop_root();
	if (log)
		redirect_output(log);
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	execv(arguments[0], (char *const *)arguments);
	_exit(127);
}

static void run(const char *const *arguments, const char *log, bool as_postgres)
{
	int status = 0;
	pid_t pid = start_process(arguments, log, as_postgres);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (status != 0)
		die("%s failed (%d); its output may be in %s", arguments[0], status,
		    log ? log : "the output above");
}

static void remove_tree(const char *path)
{
	const char *const arguments[] = {"/bin/rm", "-rf", path, NULL};
	run(arguments, NULL, false);
}

/* --- files ---------------------------------------------------------------------------------- */

static void make_directory(char path[64])
{
	strcpy(path, "/tmp/prism-XXXXXX");
	if (!mkdtemp(path))
		die("mkdtemp: %s", strerror(errno));
	guardian_watch(path);
	if (geteuid() != 0)
		return;
	const struct passwd *user = postgres_user();
	if (chown(path, user->pw_uid, user->pw_gid) != 0)
		die("chown %s: %s", path, strerror(errno));
}

static void in_directory(char out[PATH_SIZE], const char *directory, const char *name)
{
	snprintf(out, PATH_SIZE, "%s/%s", directory, name);
}

static void copy_tree(const char *from, const char *to)
{
	const char *const arguments[] = {"/bin/cp", "-a", from, to, NULL};
	run(arguments, NULL, false);
}

/* initdb in a place that postgres may enter, then moved into the build directory. */
static void make_template(void)
{
	char directory[64], data[PATH_SIZE], log[PATH_SIZE];
	make_directory(directory);
	in_directory(data, directory, "data");
	in_directory(log, directory, "log");
	const char *const arguments[] = {PRISM_POSTGRES_BIN "/initdb",
	                                 "--pgdata",
	                                 data,
	                                 "--username=postgres",
	                                 "--auth=trust",
	                                 "--encoding=UTF8",
	                                 "--locale=C.UTF-8",
	                                 "--wal-segsize=1",
	                                 "--no-sync",
	                                 "--no-instructions",
	                                 NULL};
	run(arguments, log, true);
	remove_tree(PRISM_CLUSTER_TEMPLATE ".new");
	copy_tree(data, PRISM_CLUSTER_TEMPLATE ".new");
	if (rename(PRISM_CLUSTER_TEMPLATE ".new", PRISM_CLUSTER_TEMPLATE) != 0)
		die("rename to " PRISM_CLUSTER_TEMPLATE ": %s", strerror(errno));
	remove_tree(directory);
}

/* Tests run side by side: one makes the template, the others wait for it. */
static void need_template(void)
{
	int lock = open(PRISM_CLUSTER_TEMPLATE ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) != 0)
		die(PRISM_CLUSTER_TEMPLATE ".lock: %s", strerror(errno));
	if (access(PRISM_CLUSTER_TEMPLATE "/PG_VERSION", F_OK) != 0)
		make_template();
	close(lock);
}

static void write_file(const struct cluster *cluster, const char *name, const char *mode,
                       const char *text)
{
	char path[PATH_SIZE];
	in_directory(path, cluster->directory, name);
	FILE *file = fopen(path, mode);
	if (!file || fputs(text, file) == EOF || fclose(file) != 0)
		die("%s: %s", path, strerror(errno));
}

/* A TCP port that is free now. */
static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, size) != 0 ||
	    getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
		die("no free port: %s", strerror(errno));
	close(descriptor);
	return ntohs(address.sin_port);
}

static void write_settings(struct cluster *cluster, const char *settings)
{
	char text[2048];
	snprintf(text, sizeof(text),
	         "\nlisten_addresses = ''\nport = %d\nunix_socket_directories = '%s'\n"
	         "fsync = off\nfull_page_writes = off\nsynchronous_commit = on\n"
	         "shared_buffers = 16MB\nmax_connections = 40\nmax_wal_size = 64MB\n"
	         "autovacuum = off\njit = off\ndynamic_shared_memory_type = mmap\n%s\n",
	         SOCKET_PORT, cluster->directory, settings ? settings : "");
	write_file(cluster, "data/postgresql.conf", "a", text);
}

/* --- life ----------------------------------------------------------------------------------- */

static bool exited(struct cluster *cluster)
{
	return waitpid(cluster->postmaster, NULL, WNOHANG) == cluster->postmaster;
}

/* True: it takes connections; false: it ended (a killed predecessor's processes may still hold its
 * shared memory). */
static bool start_once(struct cluster *cluster)
{
	char data[PATH_SIZE], log[PATH_SIZE];
	in_directory(data, cluster->directory, "data");
	in_directory(log, cluster->directory, "log");
	const char *const arguments[] = {PRISM_POSTGRES_BIN "/postgres", "-D", data, NULL};
	cluster->postmaster = start_process(arguments, log, true);
	for (int i = 0; i < WAITS_MAX; i++) {
		if (exited(cluster))
			return false;
		if (PQping(cluster->conninfo) == PQPING_OK)
			return true;
		pause_ms(WAIT_MS);
	}
	die("PostgreSQL does not start; its log is %s", log);
}

void cluster_start(struct cluster *cluster)
{
	for (int i = 0; i < 100; i++) {
		if (start_once(cluster))
			return;
		pause_ms(5 * WAIT_MS);
	}
	die("PostgreSQL ends at once; its log is %s/log", cluster->directory);
}

static void set_conninfo(struct cluster *cluster, int port)
{
	snprintf(cluster->conninfo, sizeof(cluster->conninfo),
	         "host=%s port=%d user=postgres dbname=postgres", cluster->directory, port);
}

struct cluster *cluster_new(const char *settings)
{
	char data[PATH_SIZE];
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	if (!cluster)
		die("no memory");
	need_template();
	make_directory(cluster->directory);
	in_directory(data, cluster->directory, "data");
	copy_tree(PRISM_CLUSTER_TEMPLATE, data);
	set_conninfo(cluster, SOCKET_PORT);
	write_settings(cluster, settings);
	cluster_start(cluster);
	return cluster;
}

const char *cluster_conninfo(const struct cluster *cluster)
{
	return cluster->conninfo;
}

static void end_postmaster(struct cluster *cluster, int signal)
{
	if (!cluster->postmaster)
		return;
	kill(cluster->postmaster, signal);
	while (waitpid(cluster->postmaster, NULL, 0) < 0 && errno == EINTR)
		continue;
	cluster->postmaster = 0;
}

void cluster_stop(struct cluster *cluster)
{
	end_postmaster(cluster, SIGINT);
}

int cluster_port(struct cluster *cluster)
{
	if (cluster->port)
		return cluster->port;
	cluster_stop(cluster);
	for (int i = 0; i < 20; i++) {
		char text[64];
		int port = free_port(); /* somebody may be faster: then another one */
		snprintf(text, sizeof(text), "listen_addresses = '127.0.0.1'\nport = %d\n", port);
		write_file(cluster, "data/postgresql.conf", "a", text);
		set_conninfo(cluster, port);
		if (start_once(cluster))
			return cluster->port = port;
	}
	die("no port for PostgreSQL; its log is %s/log", cluster->directory);
}

/* Sends `signal` to the postmaster's processes; how many there are. */
static int signal_children(pid_t postmaster, int signal)
{
	char path[PATH_SIZE];
	int count = 0, pid;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)postmaster, (int)postmaster);
	FILE *file = fopen(path, "r");
	while (file && fscanf(file, "%d", &pid) == 1) {
		kill(pid, signal);
		count++;
	}
	if (file)
		fclose(file);
	return count;
}

void cluster_kill(struct cluster *cluster)
{
	end_postmaster(cluster, SIGKILL);
}

static void ignore(void *ctx, const PGresult *notice)
{
	(void)ctx;
	(void)notice;
}

/* A session of our own tells when the postmaster has seen it: it ends with all the others. */
void cluster_kill_backend(struct cluster *cluster, int pid)
{
	PGconn *witness = PQconnectdb(cluster->conninfo);
	PQsetNoticeReceiver(witness, ignore, NULL);
	if (pid <= 1 || PQstatus(witness) != CONNECTION_OK || kill(pid, SIGKILL) != 0)
		die("no backend %d, or no connection: %s", pid, PQerrorMessage(witness));
	for (bool alive = true; alive; pause_ms(1)) {
		PGresult *result = PQexec(witness, "SELECT 1");
		alive = PQresultStatus(result) == PGRES_TUPLES_OK;
		PQclear(result);
	}
	PQfinish(witness);
}

void cluster_freeze(struct cluster *cluster)
{
	kill(cluster->postmaster, SIGSTOP);
	if (signal_children(cluster->postmaster, SIGSTOP) == 0)
		die("the postmaster has no processes");
}

void cluster_thaw(struct cluster *cluster)
{
	(void)signal_children(cluster->postmaster, SIGCONT);
	kill(cluster->postmaster, SIGCONT);
}

void cluster_free(struct cluster *cluster)
{
	end_postmaster(cluster, SIGQUIT);
	remove_tree(cluster->directory);
	free(cluster);
}

/* --- SQL ------------------------------------------------------------------------------------ */

static PGresult *execute(const struct cluster *cluster, const char *sql)
{
	PGconn *pg = PQconnectdb(cluster->conninfo);
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		die("%s: %s", sql, PQerrorMessage(pg));
	PQfinish(pg);
	return result;
}

void cluster_sql(struct cluster *cluster, const char *sql)
{
	PQclear(execute(cluster, sql));
}

long cluster_number(struct cluster *cluster, const char *sql)
{
	PGresult *result = execute(cluster, sql);
	long number = PQntuples(result) ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	PQclear(result);
	return number;
}

void cluster_hba(struct cluster *cluster, const char *lines)
{
	write_file(cluster, "data/pg_hba.conf", "w", lines);
	cluster_sql(cluster, "SELECT pg_reload_conf()");
}
