#include "db/backup/child.h"
#include "db/backup/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PIPE_SIZE = 1 << 20,
	CHILD_LAST_SIZE = 256,
	NO_PROGRAM = 127
}; /* the shell's exit code of it */

struct child {
	const struct child_io *io;
	pid_t pid;
	int in, out, err; /* -1: closed */
	int end;          /* readable when it has ended; -1 then */
	char input[CHILD_BUFFER];
	size_t input_at, input_end;
	char line[CHILD_ERROR_SIZE];
	size_t line_len;
	char last[CHILD_LAST_SIZE]; /* the last line of its standard error, cut */
	bool gave_up, interrupted;
	char *error;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What pg_dump, pg_restore, psql, Docker and Podman say when it matters; the first one is the
 * cause. */
static void keep_error(struct child *child, const char *line)
{
	static const char *const words[] = {"error: ", "Error: ", "ERROR: "};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strstr(line, words[i]) && !*child->error)
			snprintf(child->error, CHILD_ERROR_SIZE, "%s", line);
	if (*line)
		snprintf(child->last, sizeof child->last, "%.*s", CHILD_LAST_SIZE - 1, line);
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
	while (child->in >= 0 || child->out >= 0 || child->err >= 0 || child->end >= 0) {
		struct pollfd fds[] = {{child->in, POLLOUT, 0},
		                       {child->out, POLLIN, 0},
		                       {child->err, POLLIN, 0},
		                       {child->end, POLLIN, 0},
		                       {child->interrupted ? -1 : interrupt_fd(), POLLIN, 0}};
		if (poll(fds, 5, -1) < 0)
			continue; /* a signal that is not ours */
		if (fds[4].revents) {
			child->interrupted = true;
			kill(child->pid, SIGTERM);
		}
		if (fds[2].revents)
			take_errors(child);
		if (fds[1].revents && child->out >= 0)
			take_output(child);
		if (fds[0].revents && child->in >= 0)
			feed(child);
		if (fds[3].revents)
			close_fd(&child->end);
	}
}

/* --- its birth ---------------------------------------------------------------------------------
 */

struct pipes {
	int in[2], out[2], err[2];
};

static void put(int from, int to)
{
	if (dup2(from, to) < 0)
		_exit(NO_PROGRAM);
}

/* In the child. It is not to go on without us: what it writes has a name that the next run takes.
 */
__attribute__((noreturn)) static void become(const struct pipes *pipes, pid_t parent,
                                             const char *const argv[], char *const env[])
{
	sigset_t none;
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(NO_PROGRAM);
	put(pipes->in[0] < 0 ? nowhere : pipes->in[0], STDIN_FILENO);
	put(pipes->out[1] < 0 ? nowhere : pipes->out[1], STDOUT_FILENO);
	put(pipes->err[1], STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvpe(argv[0], (char *const *)argv, env);
	dprintf(STDERR_FILENO, "error: cannot start %s: %s\n", argv[0], strerror(errno));
	_exit(NO_PROGRAM);
}

static bool make_pipes(struct pipes *pipes, const struct child_io *io)
{
	return (!io->fill || pipe2(pipes->in, O_CLOEXEC) == 0) &&
	       (!io->take || pipe2(pipes->out, O_CLOEXEC) == 0) &&
	       pipe2(pipes->err, O_CLOEXEC) == 0;
}

static bool start(struct child *child, const char *const argv[], char *const env[])
{
	struct pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}};
	pid_t parent = getpid();
	bool piped = make_pipes(&pipes, child->io);
	child->pid = piped ? fork() : -1;
	if (child->pid == 0)
		become(&pipes, parent, argv, env);
	if (child->pid < 0)
		snprintf(child->error, CHILD_ERROR_SIZE, "cannot start %s: %s", argv[0],
		         strerror(errno));
	close_fd(&pipes.in[0]);
	close_fd(&pipes.out[1]);
	close_fd(&pipes.err[1]);
	child->in = pipes.in[1];
	child->out = pipes.out[0];
	child->err = pipes.err[0];
	if (child->pid > 0) {
		child->end = pidfd_open(child->pid, 0);
		return true;
	}
	close_fd(&child->in);
	close_fd(&child->out);
	close_fd(&child->err);
	return false;
}

static void tell_end(struct child *child, const char *program, int status)
{
	bool exited = WIFEXITED(status);
	snprintf(child->error, CHILD_ERROR_SIZE, "%s %s %d%s%s", program,
	         exited ? "ended with exit code" : "was killed by signal",
	         exited ? WEXITSTATUS(status) : WTERMSIG(status),
	         *child->last ? "; the last that it said: " : "", child->last);
}

static bool ended_well(struct child *child, const char *program)
{
	int status;
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (child->gave_up)
		return false;
	if (child->interrupted)
		snprintf(child->error, CHILD_ERROR_SIZE, "interrupted");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	else if (!*child->error)
		tell_end(child, program, status);
	return false;
}

bool child_run(const char *const argv[], char *const env[], const struct child_io *io,
               char error[CHILD_ERROR_SIZE])
{
	struct child child = {.io = io, .in = -1, .out = -1, .err = -1, .end = -1, .error = error};
	error[0] = '\0';
	if (!start(&child, argv, env))
		return false;
	if (child.in >= 0)
		fcntl(child.in, F_SETFL, O_NONBLOCK);
	/* Fewer turns between it and us; without, it works too. */
	fcntl(child.out, F_SETPIPE_SZ, PIPE_SIZE);
	/* What ends before it has read everything must not end us. */
	void (*former)(int) = signal(SIGPIPE, SIG_IGN);
	converse(&child);
	signal(SIGPIPE, former);
	return ended_well(&child, argv[0]);
}
