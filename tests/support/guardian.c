#include "tests/support/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its end of the pipe: it reads paths, and, when all who could write some have ended, the end. */
static int pipe_to_guardian = -1;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "guardian: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void __attribute__((noreturn)) become_guardian(int pipe_end)
{
	setsid(); /* an interrupt from the terminal is for the test */
	if (dup2(pipe_end, STDIN_FILENO) == STDIN_FILENO)
		execl("/bin/sh", "sh", PRISM_GUARDIAN, (char *)NULL);
	_exit(127);
}

static void start(void)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		die("pipe");
	pid_t parent = fork();
	if (parent < 0)
		die("fork");
	if (parent == 0) {
		if (fork() == 0)
			become_guardian(ends[0]);
		_exit(0); /* and init is the parent */
	}
	while (waitpid(parent, NULL, 0) < 0 && errno == EINTR)
		continue;
	close(ends[0]);
	pipe_to_guardian = ends[1];
}

void guardian_watch(const char *path)
{
	if (pipe_to_guardian < 0)
		start();
	if (dprintf(pipe_to_guardian, "%s\n", path) < 0)
		die(path);
}
