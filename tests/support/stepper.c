#include "tests/support/stepper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Not every machine has the older ones. */
static const int names[] = {
	SYS_mkdirat, SYS_unlinkat, SYS_renameat2, SYS_linkat,
#ifdef SYS_rename
	SYS_mkdir,   SYS_rmdir,    SYS_unlink,    SYS_rename, SYS_renameat, SYS_link,
#endif
};
static const int sends[] = {SYS_sendto, SYS_sendmsg};
enum { CALLS_MAX = sizeof names / sizeof *names };

/* Its file descriptor; -1. */
static int install_filter(enum stepper_calls kind)
{
	const int *calls = kind == STEPPER_NAMES ? names : sends;
	size_t call_count =
		kind == STEPPER_NAMES ? sizeof names / sizeof *names : sizeof sends / sizeof *sends;
	struct sock_filter code[2 * CALLS_MAX + 2];
	unsigned count = 0;
	code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                             offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < call_count; i++) {
		code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		                                             (uint32_t)calls[i], 0, 1);
		code[count++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = {(unsigned short)count, code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
	                    &program);
}

__attribute__((noreturn)) static void become(const struct stepper *stepper, int tell, int wait)
{
	char byte;
	int file = open(stepper->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int listener = install_filter(stepper->calls);
	if (file < 0 || listener < 0 || dup2(file, STDOUT_FILENO) < 0 ||
	    dup2(file, STDERR_FILENO) < 0 ||
	    write(tell, &listener, sizeof listener) != sizeof listener || read(wait, &byte, 1) != 1)
		_exit(126);
	execv(stepper->argv[0], (char *const *)stepper->argv);
	_exit(126);
}

static void let_pass(int listener, const struct seccomp_notif *call)
{
	struct seccomp_notif_resp answer = {.id = call->id,
	                                    .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	(void)!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static void stop(const struct stepper *stepper, pid_t pid)
{
	if (stepper->then)
		stepper->then(stepper->ctx, pid);
	else
		kill(pid, SIGKILL);
}

/* Lets calls pass until it has ended, but for the one of `pid` before which it is stopped. */
static bool accompany(const struct stepper *stepper, pid_t pid, int listener, int end,
                      unsigned step)
{
	for (unsigned seen = 0;;) {
		struct pollfd fds[] = {{listener, POLLIN, 0}, {end, POLLIN, 0}};
		struct seccomp_notif call;
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			return seen > step;
		memset(&call, 0, sizeof call);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
			continue; /* who asked is gone */
		if ((pid_t)call.pid == pid && seen++ == step)
			stop(stepper, pid);
		let_pass(listener, &call);
	}
}

bool stepper_run(const struct stepper *stepper, unsigned step, int *code)
{
	int told[2], go[2], number, status = 0;
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		become(stepper, told[1], go[0]);
	assert_true(pid > 0);
	assert_int_equal(read(told[0], &number, sizeof number), sizeof number);
	int end = pidfd_open(pid, 0);
	int listener = pidfd_getfd(end, number, 0);
	assert_true(listener >= 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	bool stopped = accompany(stepper, pid, listener, end, step);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	const int fds[] = {told[0], told[1], go[0], go[1], end, listener};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		close(fds[i]);
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return stopped;
}
