#include "db/backup/child.h"
#include "db/backup/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

void backup_catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool child_interrupted(void)
{
	return interrupted != 0;
}

struct child {
	const struct child_io *io;
	pid_t pid;
	int in, out, err; /* -1: closed */
	char input[CHILD_BUFFER];
	size_t input_at, input_end;
	char line[CHILD_ERROR_SIZE];
	size_t line_len;
	bool gave_up;
	char *error;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What pg_dump, pg_restore and psql say when it matters; the first one is the cause. */
static void keep_error(struct child *child, const char *line)
{
	const char *at = strstr(line, "error: ");
	if (!at)
		at = strstr(line, "ERROR: ");
	if (at && !*child->error)
		snprintf(child->error, CHILD_ERROR_SIZE, "%s", line);
}

static void take_line(struct child *child)
{
	child->line[child->line_len] = '\0';
	keep_error(child, child->line);
	if (child->io->line)
		child->io->line(child->io->ctx, child->line);
	child->line_len = 0;
}

static void take_errors(struct child *child)
{
	char data[4096];
	ssize_t n = read(child->err, data, sizeof data);
	if (n <= 0) {
		if (child->line_len)
			take_line(child);
		close_fd(&child->err);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			take_line(child);
		else if (child->line_len + 1 < sizeof child->line)
			child->line[child->line_len++] = data[i];
	}
}

static void give_up(struct child *child)
{
	child->gave_up = true;
	kill(child->pid, SIGTERM);
	close_fd(&child->in);
	close_fd(&child->out);
}

static void take_output(struct child *child)
{
	char data[CHILD_BUFFER];
	ssize_t n = read(child->out, data, sizeof data);
	if (n <= 0)
		close_fd(&child->out);
	else if (!child->io->take(child->io->ctx, data, (size_t)n))
		give_up(child);
}

static void feed(struct child *child)
{
	if (child->input_at == child->input_end) {
		ssize_t n = child->io->fill(child->io->ctx, child->input, sizeof child->input);
		if (n < 0)
			give_up(child);
		if (n <= 0) {
			close_fd(&child->in);
			return;
		}
		child->input_at = 0;
		child->input_end = (size_t)n;
	}
	ssize_t n = write(child->in, child->input + child->input_at,
	                  child->input_end - child->input_at);
	if (n > 0)
		child->input_at += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		close_fd(&child->in); /* it has ended, and says why */
}

static void converse(struct child *child)
{
	bool told = false;
	while (child->in >= 0 || child->out >= 0 || child->err >= 0) {
		struct pollfd fds[] = {
			{child->in, POLLOUT, 0}, {child->out, POLLIN, 0}, {child->err, POLLIN, 0}};
		if (interrupted && !told) {
			told = true;
			kill(child->pid, SIGTERM);
		}
		if (poll(fds, 3, -1) < 0)
			continue; /* a signal */
		if (fds[2].revents)
			take_errors(child);
		if (fds[1].revents && child->out >= 0)
			take_output(child);
		if (fds[0].revents && child->in >= 0)
			feed(child);
	}
}

/* --- its birth ---------------------------------------------------------------------------------
 */

static bool start(struct child *child, const char *const argv[], char *const env[])
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, code;
	posix_spawn_file_actions_t actions;
	if ((child->io->fill && pipe2(in, O_CLOEXEC)) ||
	    (child->io->take && pipe2(out, O_CLOEXEC)) || pipe2(err, O_CLOEXEC)) {
		snprintf(child->error, CHILD_ERROR_SIZE, "cannot make a pipe: %s", strerror(errno));
		return false;
	}
	posix_spawn_file_actions_init(&actions);
	if (child->io->fill)
		posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (child->io->take)
		posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
	code = posix_spawnp(&child->pid, argv[0], &actions, NULL, (char *const *)argv, env);
	posix_spawn_file_actions_destroy(&actions);
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&err[1]);
	child->in = in[1];
	child->out = out[0];
	child->err = err[0];
	if (code == 0)
		return true;
	snprintf(child->error, CHILD_ERROR_SIZE, "cannot start %s: %s", argv[0], strerror(code));
	close_fd(&child->in);
	close_fd(&child->out);
	close_fd(&child->err);
	return false;
}

static bool ended_well(struct child *child, const char *program)
{
	int status;
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (child->gave_up)
		return false;
	if (interrupted)
		snprintf(child->error, CHILD_ERROR_SIZE, "interrupted");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	else if (!*child->error && WIFEXITED(status))
		snprintf(child->error, CHILD_ERROR_SIZE, "%s ended with exit code %d", program,
		         WEXITSTATUS(status));
	else if (!*child->error)
		snprintf(child->error, CHILD_ERROR_SIZE, "%s was killed by signal %d", program,
		         WTERMSIG(status));
	return false;
}

bool child_run(const char *const argv[], char *const env[], const struct child_io *io,
               char error[CHILD_ERROR_SIZE])
{
	struct child child = {.io = io, .in = -1, .out = -1, .err = -1, .error = error};
	error[0] = '\0';
	if (!start(&child, argv, env))
		return false;
	if (child.in >= 0)
		fcntl(child.in, F_SETFL, O_NONBLOCK);
	/* What ends before it has read everything must not end us. */
	void (*former)(int) = signal(SIGPIPE, SIG_IGN);
	converse(&child);
	signal(SIGPIPE, former);
	return ended_well(&child, argv[0]);
}
