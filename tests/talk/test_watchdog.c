/* The service manager is told that every loop turns, until one does not. */
#include "tests/support/manager.h"
#include "tests/talk/talk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCHDOG_MS = 400 };

static struct manager manager;
static char directory[64];

static int setup(void **state)
{
	(void)state;
	directory_make(directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	manager_close(&manager);
	directory_remove(directory);
	return 0;
}

static void test_every_loop_turns(void **state)
{
	(void)state;
	manager_open(&manager, directory, WATCHDOG_MS);
	server_up((const char *const[]){"--workers", "3", NULL});
	for (int i = 0; i < 5; i++)
		manager_hears(&manager, "WATCHDOG=1");
	server_down();
}

/* A worker that hangs is enough: the others and the main loop turn, and nothing is said. */
static void test_one_loop_hangs(void **state)
{
	(void)state;
	char path[100], request[128];
	struct talk talk;
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	int release = open(path, O_RDWR | O_CLOEXEC);
	assert_true(release >= 0);
	manager_open(&manager, directory, WATCHDOG_MS);
	server_up((const char *const[]){"--workers", "2", NULL});
	manager_hears(&manager, "WATCHDOG=1");

	talk_open(&talk, server.address, NULL);
	/* BlockRequest's path is a field like EchoMessage's data */
	int len = snprintf(request, sizeof(request), "\x0a%c%s", (char)strlen(path), path);
	say_call(&talk.out, 1, FRAME_CLOSE, "Block", bytes_of(request, (size_t)len));
	talk_send(&talk);
	while (manager_hears_anything(&manager, 5 * WATCHDOG_MS))
		assert_string_equal(manager.text, "WATCHDOG=1");
	assert_int_equal(write(release, "x", 1), 1);
	talk_expect_answer(&talk, 1, nothing());
	manager_hears(&manager, "WATCHDOG=1");

	talk_close(&talk);
	close(release);
	server_down();
}

/* Somebody else's watchdog, left in the environment. */
static void test_not_for_us(void **state)
{
	(void)state;
	manager_open(&manager, directory, WATCHDOG_MS);
	setenv("WATCHDOG_PID", "1", 1);
	server_up((const char *const[]){NULL});
	assert_false(manager_hears_anything(&manager, 2 * WATCHDOG_MS));
	unsetenv("WATCHDOG_PID");
	server_down();
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCHED(test_every_loop_turns),
		WATCHED(test_one_loop_hangs),
		WATCHED(test_not_for_us),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
