#include "tests/support/program.h"

#include "tests/support/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { READY_SECONDS = 60 };

const char *program_path(const char *name)
{
	static _Thread_local char path[4][512];
	static _Thread_local unsigned next;
	char *result = path[next++ % 4];
	snprintf(result, sizeof(path[0]), "%s/%s", PRISM_BIN_DIR, name);
	return result;
}

static void environment_add(const char *const env[])
{
	for (; env && *env; env++)
		putenv((char *)*env);
}

static pid_t spawn(const char *const argv[], const char *const env[], int out, int error)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that dies leaves no daemon behind */
	environment_add(env);
	dup2(out, STDOUT_FILENO);
	dup2(error, STDERR_FILENO);
	execv(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int wait_for_exit(pid_t pid)
{
	int state = 0;
	while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

static void program_spawn(struct program *program, const char *const argv[],
                          const char *const env[])
{
	int pipe_out[2];
	assert_int_equal(pipe2(pipe_out, O_CLOEXEC), 0);
	program->log = memfd_create("log", MFD_CLOEXEC);
	assert_true(program->log >= 0);
	program->pid = spawn(argv, env, pipe_out[1], program->log);
	close(pipe_out[1]);
	program->out = pipe_out[0];
}

/* One line of standard output; false at its end or after READY_SECONDS. */
static bool read_line(int fd, char *line, size_t size)
{
	size_t len = 0;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	while (len < size - 1 && poll(&wait, 1, READY_SECONDS * 1000) > 0) {
		ssize_t got = read(fd, line + len, 1);
		if (got <= 0)
			break;
		if (line[len] == '\n') {
			line[len] = '\0';
			return true;
		}
		len++;
	}
	line[len] = '\0';
	return false;
}

/* The first word of the ready line that looks like an address. */
static void find_address(struct program *program)
{
	char line[sizeof(program->ready)];
	memcpy(line, program->ready, sizeof(line));
	char *rest = NULL;
	for (char *word = strtok_r(line, " ,=", &rest); word; word = strtok_r(NULL, " ,=", &rest)) {
		const char *colon = strrchr(word, ':');
		bool tcp = colon && colon[1] >= '0' && colon[1] <= '9';
		if (tcp || strncmp(word, "unix:", 5) == 0) {
			snprintf(program->address, sizeof(program->address), "%s", word);
			return;
		}
	}
	fail_msg("no address in the ready line: %s", program->ready);
}

static void print_log(const struct program *program)
{
	char *text = calloc(1, PROGRAM_TEXT);
	program_log(program, text, PROGRAM_TEXT);
	fprintf(stderr, "%s\n", text); /* cmocka cuts what it prints */
	free(text);
}

void program_start(struct program *program, const char *const argv[], const char *const env[])
{
	*program = (struct program){0};
	program_spawn(program, argv, env);
	while (read_line(program->out, program->ready, sizeof(program->ready))) {
		if (strstr(program->ready, "ready")) {
			find_address(program);
			return;
		}
	}
	kill(program->pid, SIGKILL);
	int code = wait_for_exit(program->pid);
	print_log(program);
	fail_msg("%s did not become ready (exit code %d)", argv[0], code);
}

static void program_gone(struct program *program)
{
	close(program->out);
	close(program->log);
	program->pid = 0;
}

int program_start_fails(const char *const argv[], const char *const env[], char *text)
{
	struct program program = {0};
	program_spawn(&program, argv, env);
	while (read_line(program.out, program.ready, sizeof(program.ready)))
		continue;
	int code = wait_for_exit(program.pid);
	program_log(&program, text, PROGRAM_TEXT);
	program_gone(&program);
	return code;
}

int program_stop(struct program *program)
{
	if (program->pid == 0)
		return 0;
	kill(program->pid, SIGTERM);
	return program_wait(program);
}

int program_wait(struct program *program)
{
	int code = wait_for_exit(program->pid);
	if (code != 0)
		print_log(program);
	program_gone(program);
	return code;
}

void program_kill(struct program *program)
{
	if (program->pid == 0)
		return;
	kill(program->pid, SIGKILL);
	wait_for_exit(program->pid);
	program_gone(program);
}

bool program_ended(struct program *program)
{
	siginfo_t info = {0};
	int failed = waitid(P_PID, (id_t)program->pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return program->pid == 0 || (failed == 0 && info.si_pid == program->pid);
}

static size_t read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;
	while (len < size - 1 && (got = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	return len;
}

void program_log(const struct program *program, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;
	while (len < size - 1 &&
	       (got = pread(program->log, text + len, size - 1 - len, (off_t)len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
}

int program_run(const char *const argv[], const char *const env[], char *text)
{
	int pipe_out[2];
	assert_int_equal(pipe2(pipe_out, O_CLOEXEC), 0);
	pid_t pid = spawn(argv, env, pipe_out[1], pipe_out[1]);
	close(pipe_out[1]);
	read_all(pipe_out[0], text, PROGRAM_TEXT);
	close(pipe_out[0]);
	return wait_for_exit(pid);
}

void directory_make(char path[64])
{
	snprintf(path, 64, "/tmp/prism-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	guardian_watch(path);
	assert_int_equal(chmod(path, 0755), 0); /* PostgreSQL may run as another user */
}

void directory_remove(const char *path)
{
	char text[PROGRAM_TEXT];
	const char *const argv[] = {"/bin/rm", "-rf", "--", path, NULL};
	assert_int_equal(program_run(argv, NULL, text), 0);
}

void file_make(char path[64], const char *text)
{
	snprintf(path, 64, "/tmp/prism-file-XXXXXX");
	int file = mkostemp(path, O_CLOEXEC);
	assert_true(file >= 0);
	guardian_watch(path);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
}
