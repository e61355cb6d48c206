/* Sockets that the service manager makes, and passes to prismd when it starts. */
#include "tests/support/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], text[PROGRAM_TEXT];

static int setup(void **state)
{
	(void)state;
	directory_make(directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	directory_remove(directory);
	return 0;
}

static void expect_text(const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

/* As systemd does: the socket is descriptor 3 and inherited, the variables name the process. */
static void start_activated(struct program *program, const char *variables)
{
	char command[256], state[128];
	snprintf(command, sizeof(command), "LISTEN_PID=$$ %s exec \"$@\"", variables);
	snprintf(state, sizeof(state), "%s/state", directory);
	const char *const argv[] = {"/bin/sh",
	                            "-c",
	                            command,
	                            "sh",
	                            program_path("prismd"),
	                            "--listen",
	                            "127.0.0.1:0",
	                            "--state-dir",
	                            state,
	                            "--database-url",
	                            "postgresql://127.0.0.1:1/none?connect_timeout=1",
	                            NULL};
	program_start(program, argv, NULL);
}

/* A listening socket as descriptor 3; what had that number comes back by manager_takes_back(). */
static int manager_passes(struct sockaddr_in *name, in_addr_t address)
{
	socklen_t len = sizeof(*name);
	int kept = fcntl(3, F_DUPFD_CLOEXEC, 10), fd = socket(AF_INET, SOCK_STREAM, 0);
	*name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	assert_int_equal(bind(fd, (struct sockaddr *)name, sizeof(*name)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)name, &len), 0);
	if (fd != 3) {
		assert_int_equal(dup2(fd, 3), 3);
		close(fd);
	}
	return kept;
}

static void manager_takes_back(int kept)
{
	close(3);
	if (kept < 0)
		return;
	dup2(kept, 3);
	close(kept);
}

/* Sends a preface and HELLO; the first byte of the answer says that it is served. */
static int dial(const struct sockaddr_in *name)
{
	static const char hello[] = "\x8eRPC\1\1\0\0\0\0\0\0\1\0\0\0\0\0\0";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)name, sizeof(*name)), 0);
	assert_int_equal(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), sizeof(hello));
	return fd;
}

static void expect_served(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	uint8_t first = 0;
	assert_int_equal(poll(&wait, 1, 60000), 1);
	assert_int_equal(recv(fd, &first, 1, 0), 1);
	assert_int_equal(first, 0x8e);
	close(fd);
}

/* A socket of the manager's: who connects while the daemon is not there waits for the next one. */
static void test_activated(void **state)
{
	(void)state;
	struct program program;
	struct sockaddr_in name;
	char address[64];
	int kept = manager_passes(&name, INADDR_LOOPBACK);
	snprintf(address, sizeof(address), " 127.0.0.1:%u", ntohs(name.sin_port));
	for (int i = 0; i < 2; i++) {
		int early = dial(&name);
		start_activated(&program, "LISTEN_FDS=1 LISTEN_FDNAMES=rpc");
		const char *at = strstr(program.ready, address);
		assert_non_null(at);
		assert_string_equal(at, address); /* instead of server.listen */
		expect_served(early);
		expect_served(dial(&name));
		assert_int_equal(program_stop(&program), 0);
	}
	manager_takes_back(kept);
}

static void expect_unfit(const char *variables, const char *message)
{
	char command[256], state[128];
	snprintf(command, sizeof(command), "LISTEN_PID=$$ %s exec \"$@\"", variables);
	snprintf(state, sizeof(state), "%s/state", directory);
	const char *const argv[] = {"/bin/sh",     "-c",  command, "sh", program_path("prismd"),
	                            "--state-dir", state, NULL};
	int code = program_start_fails(argv, NULL, text);
	expect_text(message);
	assert_int_equal(code, 78);
}

static void test_activated_with_what_is_unfit(void **state)
{
	(void)state;
	struct sockaddr_in name;
	int kept = manager_passes(&name, INADDR_LOOPBACK);
	expect_unfit("LISTEN_FDS=1 LISTEN_FDNAMES=web", "a socket named 'web' was passed");
	expect_unfit("LISTEN_FDS=99", "99 sockets were passed, at most 16");
	manager_takes_back(kept);
	kept = manager_passes(&name, INADDR_ANY);
	expect_unfit("LISTEN_FDS=1", "LISTEN_FDS 0.0.0.0:");
	expect_text("insecure_plaintext");
	manager_takes_back(kept);
}

/* Variables that are meant for another process are none of ours. */
static void test_activated_for_another(void **state)
{
	(void)state;
	struct program program;
	start_activated(&program, "LISTEN_PID=1 LISTEN_FDS=1");
	assert_int_equal(program_stop(&program), 0);
}

#define ACTIVATION(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ACTIVATION(test_activated),
		ACTIVATION(test_activated_with_what_is_unfit),
		ACTIVATION(test_activated_for_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
