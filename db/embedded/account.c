/* The children of fork() here do nothing but system calls until they exec or exit: the parent may
 * have threads. */
#include "db/embedded/account.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXEC_FAILED = 127, ENVIRONMENT_SIZE = 4096 };

bool account_find(struct account *out, char *message, size_t message_size)
{
	*out = (struct account){.other = geteuid() == 0};
	if (!out->other)
		return true;
	const struct passwd *user = getpwnam("postgres");
	if (!user) {
		snprintf(message, message_size,
		         "PostgreSQL does not run as root, and there is no user `postgres`: "
		         "apt-get install postgresql-15 makes it, or run this as another user");
		return false;
	}
	out->uid = user->pw_uid;
	out->gid = user->pw_gid;
	out->group_count = ACCOUNT_GROUPS_MAX;
	if (getgrouplist(user->pw_name, user->pw_gid, out->groups, &out->group_count) < 0)
		out->group_count = ACCOUNT_GROUPS_MAX;
	return true;
}

static bool become(const struct account *account)
{
	return !account->other || (setgroups((size_t)account->group_count, account->groups) == 0 &&
	                           setresgid(account->gid, account->gid, account->gid) == 0 &&
	                           setresuid(account->uid, account->uid, account->uid) == 0);
}

static void reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

static bool redirect(int log)
{
	int null = open("/dev/null", O_RDONLY);
	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 &&
	       dup2(log, STDERR_FILENO) >= 0 && close_range(STDERR_FILENO + 1, ~0U, 0) == 0;
}

/* A change of user takes the death signal away: it is asked for after that. */
_Noreturn static void child(const struct account *account, const char *const argv[], int log,
                            char *const environment[], int death_signal)
{
	reset_signals();
	setsid();
	umask(077);
	if (redirect(log) && become(account) && prctl(PR_SET_PDEATHSIG, death_signal) == 0 &&
	    chdir("/") == 0)
		execve(argv[0], (char *const *)argv, environment);
	_exit(EXEC_FAILED);
}

static pid_t spawn(const struct account *account, const char *const argv[], const char *log,
                   int death_signal)
{
	char libraries[ENVIRONMENT_SIZE];
	const char *path = getenv("LD_LIBRARY_PATH");
	snprintf(libraries, sizeof(libraries), "LD_LIBRARY_PATH=%s", path ? path : "");
	char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8",
	                       path ? libraries : NULL, NULL};
	int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		child(account, argv, file, environment, death_signal);
	close(file);
	return pid;
}

pid_t account_spawn(const struct account *account, const char *const argv[], const char *log)
{
	return spawn(account, argv, log, 0);
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool account_run(const struct account *account, const char *const argv[], const char *log)
{
	pid_t pid = spawn(account, argv, log, SIGKILL);
	return pid > 0 && wait_for(pid) == 0;
}

/* Exits with 0, or with the number of the first component (of `path`, which it cuts) that is
 * closed. */
_Noreturn static void walk(const struct account *account, char *path)
{
	int component = 0;
	if (!become(account))
		_exit(1);
	for (char *at = path + 1;; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		bool last = *at == '\0';
		*at = '\0';
		component += component < 255;
		if (access(path, X_OK) != 0)
			_exit(component);
		if (last)
			_exit(0);
		*at = '/';
	}
}

bool account_can_enter(const struct account *account, const char *directory, char *blocked,
                       size_t blocked_size)
{
	char path[4096];
	int length = snprintf(path, sizeof(path), "%s", directory);
	snprintf(blocked, blocked_size, "%s", directory);
	if (length <= 0 || (size_t)length >= sizeof(path))
		return false;
	pid_t pid = fork();
	if (pid == 0)
		walk(account, path);
	int component = pid > 0 ? wait_for(pid) : -1;
	if (component == 0)
		return true;
	for (size_t i = 1; blocked[i] && component > 0; i++)
		if (blocked[i] == '/' && --component == 0)
			blocked[i] = '\0';
	return false;
}

bool account_give(const struct account *account, const char *path, char *message,
                  size_t message_size)
{
	if (!account->other || lchown(path, account->uid, account->gid) == 0)
		return true;
	snprintf(message, message_size, "cannot give %s to PostgreSQL's user: %s", path,
	         strerror(errno));
	return false;
}
