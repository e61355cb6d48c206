/* bench_idle - what an idle connection costs the server: opens N connections (native: preface and
 * HELLO; gRPC: preface and SETTINGS) and says by how much the server's own memory grew. With a
 * command behind `--`, runs it while they are open. See USAGE. */
#include "tests/bench/dial.h"
#include "tests/bench/process.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char USAGE[] =
	"bench_idle --address ADDRESS --server-pid PID [--connections N (1000)] [--raw | --grpc]\n"
	"           [--token TOKEN | --key-file FILE] [--json] [-- COMMAND...]\n";

enum {
	WARM = 64,              /* connections that come and go first, so that pools are filled */
	SETTLE_US = 500 * 1000, /* for the server to get to its idle state */
	DESCRIPTORS_SPARE = 64,
};

struct idle {
	const char *address, *token;
	pid_t server;
	unsigned connections;
	bool raw, grpc, json;
	char **command;
	int *fds;
};

static const struct option OPTIONS[] = {
	{"address", required_argument, NULL, 'a'},
	{"server-pid", required_argument, NULL, 'p'},
	{"connections", required_argument, NULL, 'n'},
	{"token", required_argument, NULL, 't'},
	{"key-file", required_argument, NULL, 'k'},
	{"raw", no_argument, NULL, 'r'},
	{"grpc", no_argument, NULL, 'g'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

static bool parse(int argc, char **argv, struct idle *idle)
{
	for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;)
		switch (option) {
		case 'a':
			idle->address = optarg;
			break;
		case 'p':
			idle->server = atoi(optarg);
			break;
		case 'n':
			idle->connections = (unsigned)atoi(optarg);
			break;
		case 't':
			idle->token = optarg;
			break;
		case 'k':
			idle->token = read_key_file(optarg);
			break;
		case 'r':
			idle->raw = true;
			break;
		case 'g':
			idle->grpc = true;
			break;
		case 'j':
			idle->json = true;
			break;
		default:
			return false;
		}
	idle->command = optind < argc ? &argv[optind] : NULL;
	return idle->address && idle->server > 0 && idle->connections > 0;
}

/* The limit on descriptors, as far up as it has to be and may be. */
static bool allow_descriptors(unsigned count)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)count + DESCRIPTORS_SPARE;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	if (limit.rlim_cur >= wanted)
		return true;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool greet_as(const struct idle *idle, int fd, char message[DIAL_MESSAGE_SIZE])
{
	struct hello limits;
	uint32_t streams;
	if (idle->raw)
		return true;
	return idle->grpc ? greet_http2(fd, &streams, message)
	                  : greet(fd, "bench_idle", idle->token, &limits, message);
}

static bool open_one(const struct idle *idle, int *fd)
{
	char message[DIAL_MESSAGE_SIZE];
	if (dial(idle->address, fd, message)) {
		if (greet_as(idle, *fd, message))
			return true;
		close(*fd);
	}
	fprintf(stderr, "bench_idle: %s\n", message);
	return false;
}

static void close_all(struct idle *idle, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(idle->fds[i]);
}

static bool open_all(struct idle *idle, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!open_one(idle, &idle->fds[i])) {
			close_all(idle, i);
			return false;
		}
	return true;
}

static bool settled_kib(const struct idle *idle, uint64_t *kib)
{
	usleep(SETTLE_US);
	if (process_anonymous_kib(idle->server, kib))
		return true;
	fprintf(stderr, "bench_idle: no process %d\n", idle->server);
	return false;
}

static bool warm_up(struct idle *idle)
{
	unsigned count = idle->connections < WARM ? idle->connections : WARM;
	if (!open_all(idle, count))
		return false;
	close_all(idle, count);
	return true;
}

static bool run_command(char **command)
{
	int status;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static bool measure(struct idle *idle)
{
	uint64_t before, after;
	if (!warm_up(idle) || !settled_kib(idle, &before) || !open_all(idle, idle->connections))
		return false;
	bool good = settled_kib(idle, &after);
	double each = (double)(int64_t)(after - before) / idle->connections;
	if (good && idle->json)
		printf("{\"connections\": %u, \"kib_per_connection\": %.3f}\n", idle->connections,
		       each);
	else if (good)
		printf("%u idle connections: %.2f KiB each\n", idle->connections, each);
	if (good && idle->command)
		good = run_command(idle->command);
	close_all(idle, idle->connections);
	return good;
}

int main(int argc, char **argv)
{
	static struct idle idle = {.connections = 1000};
	if (!parse(argc, argv, &idle)) {
		fputs(USAGE, stderr);
		return 2;
	}
	idle.fds = calloc(idle.connections, sizeof *idle.fds);
	if (!idle.fds || !allow_descriptors(idle.connections)) {
		fprintf(stderr, "bench_idle: %u descriptors are more than this process may have\n",
		        idle.connections);
		free(idle.fds);
		return 1;
	}
	bool good = measure(&idle);
	free(idle.fds);
	return good ? 0 : 1;
}
