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

static const int calls[] = {
	SYS_mkdirat, SYS_unlinkat, SYS_renameat2, SYS_linkat,
#ifdef SYS_rename /* not every machine has the older ones */
	SYS_mkdir,   SYS_rmdir,    SYS_unlink,    SYS_rename, SYS_renameat, SYS_link,
#endif
};
enum { CALLS = sizeof calls / sizeof *calls };

/* Its file descriptor; -1. */
static int install_filter(void)
{
	struct sock_filter code[2 * CALLS + 2];
	unsigned count = 0;
	code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                             offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS; i++) {
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

__attribute__((noreturn)) static void become(const char *const argv[], const char *log, int tell,
                                             int wait)
{
	char byte;
	int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int listener = install_filter();
	if (file < 0 || listener < 0 || dup2(file, STDOUT_FILENO) < 0 ||
	    dup2(file, STDERR_FILENO) < 0 ||
	    write(tell, &listener, sizeof listener) != sizeof listener || read(wait, &byte, 1) != 1)
		_exit(126);
	execv(argv[0], (char *const *)argv);
	_exit(126);
}

/* Lets calls pass until the one of `pid` that is to be the last. */
static bool stop_at(pid_t pid, int listener, int end, unsigned step)
{
	for (unsigned seen = 0;;) {
		struct pollfd fds[] = {{listener, POLLIN, 0}, {end, POLLIN, 0}};
		struct seccomp_notif call;
		struct seccomp_notif_resp answer;
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			return false;
		memset(&call, 0, sizeof call);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
			continue; /* who asked is gone */
		if ((pid_t)call.pid == pid && seen++ == step)
			return true;
		answer = (struct seccomp_notif_resp){.id = call.id,
		                                     .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
		(void)!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

bool stepper_kill_at(const char *const argv[], const char *log, unsigned step, int *code)
{
	int told[2], go[2], number, status = 0;
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		become(argv, log, told[1], go[0]);
	assert_true(pid > 0);
	assert_int_equal(read(told[0], &number, sizeof number), sizeof number);
	int end = pidfd_open(pid, 0);
	int listener = pidfd_getfd(end, number, 0);
	assert_true(listener >= 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	bool stopped = stop_at(pid, listener, end, step);
	if (stopped)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	const int fds[] = {told[0], told[1], go[0], go[1], end, listener};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		close(fds[i]);
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return stopped;
}
