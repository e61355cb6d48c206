#include "db/backup/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

static int armed = -1;

void interrupt_arm(void)
{
	sigset_t signals;
	if (armed >= 0)
		return;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	armed = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (armed >= 0)
		sigprocmask(SIG_BLOCK, &signals, NULL);
}

int interrupt_fd(void)
{
	return armed;
}

bool interrupt_came(void)
{
	struct pollfd one = {armed, POLLIN, 0};
	return armed >= 0 && poll(&one, 1, 0) > 0;
}
