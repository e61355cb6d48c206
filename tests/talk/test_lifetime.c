/* How long a connection lives: without calls, beyond its age, with a peer that is gone. Each test
 * has a server of its own. The waits are short here, and long against what a slow machine needs. */
#include "tests/talk/talk.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct talk talk;
static struct buffer scratch;

static void begin(const char *const arguments[])
{
	server_up(arguments);
	talk_open(&talk, server.address, NULL);
}

static int teardown(void **state)
{
	(void)state;
	talk_close(&talk);
	buffer_deinit(&scratch);
	server_down();
	return 0;
}

static void say_wait(uint32_t stream, uint64_t ms)
{
	struct buffer body = {0};
	say_call(&talk.out, stream, FRAME_CLOSE, "Wait", numbers_message(&body, &ms, 1));
	talk_send(&talk);
	buffer_deinit(&body);
}

static void expect_drain(const char *reason)
{
	struct goaway_meta meta = talk_expect_goaway(&talk, 0);
	assert_int_equal(meta.code, STATUS_UNAVAILABLE);
	assert_int_equal(meta.last_stream, FRAME_STREAM_MAX);
	assert_true(bytes_equal_string(meta.reason, reason));
	say_goaway(&talk.out, FRAME_GOAWAY_ACK, &(struct goaway_meta){0});
	talk_send(&talk);
}

static void expect_final(uint32_t last_stream)
{
	struct goaway_meta meta = talk_expect_goaway(&talk, FRAME_GOAWAY_FINAL);
	assert_int_equal(meta.last_stream, last_stream);
	talk_expect_closed(&talk);
}

/* --- idle ----------------------------------------------------------------- */

static void test_idle(void **state)
{
	(void)state;
	begin((const char *const[]){"--idle-ms", "500", NULL});
	expect_drain("no call for long");
	expect_final(0);
}

/* A call that runs for longer than that is no idleness; after it, the time begins anew. */
static void test_idle_after_a_call(void **state)
{
	(void)state;
	begin((const char *const[]){"--idle-ms", "500", NULL});
	say_wait(1, 1200);
	talk_expect_answer(&talk, 1, nothing());
	expect_drain("no call for long");
	expect_final(1);
}

/* --- age ------------------------------------------------------------------ */

/* What runs goes on; what comes with the GOAWAY is taken; then it ends. */
static void test_age(void **state)
{
	(void)state;
	begin((const char *const[]){"--age-ms", "500", NULL});
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	talk_send(&talk);
	struct goaway_meta meta = talk_expect_goaway(&talk, 0);
	assert_true(bytes_equal_string(meta.reason, "connected for long"));
	assert_int_equal(talk_ask(&talk, 3, "Echo", nothing()).len, 0);
	say_goaway(&talk.out, FRAME_GOAWAY_ACK, &(struct goaway_meta){0});
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_OK, "");
	expect_final(3);
}

/* Calls that take their time after that are ended, and their callers told; so the connection ends.
 */
static void test_grace(void **state)
{
	(void)state;
	begin((const char *const[]){"--age-ms", "500", "--grace-ms", "500", NULL});
	say_wait(1, 60000);
	say_call(&talk.out, 3, FRAME_MORE, "Echo", nothing());
	talk_send(&talk);
	expect_drain("connected for long");
	for (int left = 2; left > 0; left--) {
		struct end_meta meta;
		const char *reason;
		struct frame frame = talk_next(&talk);
		assert_int_equal(frame.type, FRAME_END);
		assert_true(end_meta_decode(frame.meta, &meta, &reason));
		assert_int_equal(meta.code, STATUS_UNAVAILABLE);
		assert_int_equal(meta.retry, RETRY_SAFE);
	}
	expect_final(3);
}

/* --- the kernel ------------------------------------------------------------- */

/* The server's end of the connection, as the kernel tells it: the timer that runs (02: keepalive)
 * and when it fires, in hundredths of a second. */
static bool server_end(unsigned *timer, unsigned long *fires)
{
	struct sockaddr_in ours;
	socklen_t len = sizeof(ours);
	char line[512];
	unsigned long port, peer, state;
	assert_int_equal(getsockname(talk.fd, (struct sockaddr *)&ours, &len), 0);
	FILE *file = fopen("/proc/net/tcp", "r");
	assert_non_null(file);
	bool found = false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*d: %*x:%lx %*x:%lx %lx %*x:%*x %x:%lx", &port, &peer,
		               &state, timer, fires) == 5 &&
		        peer == ntohs(ours.sin_port) && state == 1;
	fclose(file);
	return found;
}

static void test_keepalive(void **state)
{
	(void)state;
	unsigned timer = 0;
	unsigned long fires = 0;
	begin((const char *const[]){"--tcp-keepalive-ms", "7000", NULL});
	while (server_end(&timer, &fires) && timer != 2) /* first its HELLO is acknowledged */
		sched_yield();
	assert_int_equal(timer, 2);
	assert_in_range(fires, 0, 710);
}

static void test_no_keepalive(void **state)
{
	(void)state;
	unsigned timer = 1;
	unsigned long fires;
	begin((const char *const[]){NULL});
	while (server_end(&timer, &fires) && timer == 1)
		sched_yield();
	assert_int_equal(timer, 0);
}

/* Whoever keeps the window shut is given up by the kernel, whatever write_stall says. */
static void test_user_timeout(void **state)
{
	(void)state;
	begin((const char *const[]){"--stall-ms", "3600000", "--tcp-user-ms", "1000", NULL});
	struct talk one;
	struct hello hello = {.stream_credit = FRAME_STREAM_MAX,
	                      .connection_credit = FRAME_STREAM_MAX};
	talk_open(&one, server.address, &hello);
	say_call(&one.out, 1, FRAME_CLOSE, "Expand",
	         numbers_message(&scratch, (uint64_t[]){100000, 100000}, 2));
	talk_send(&one);
	server_settled_but(1); /* `talk` */
	talk_close(&one);
}

/* --- a network of our own, that may be cut ----------------------------------- */

static void set_network(bool up)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &loopback), 0);
	close(fd);
}

static int setup_network(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) == 0)
		set_network(true);
	return 0;
}

static bool network_is_ours(void)
{
	static ino_t before;
	struct stat network;
	assert_int_equal(stat("/proc/self/ns/net", &network), 0);
	if (before == 0) /* asked first by main() */
		before = network.st_ino;
	return network.st_ino != before;
}

static void until_server_closed(void)
{
	unsigned timer;
	unsigned long fires;
	for (int i = 0; i < TALK_PATIENCE_MS / 10; i++) {
		if (!server_end(&timer, &fires))
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	fail_msg("the server keeps the connection of a client that is gone");
}

/* No packet comes or goes any more: an idle connection is found out by the kernel's questions. */
static void test_silent_peer(void **state)
{
	(void)state;
	begin((const char *const[]){"--tcp-keepalive-ms", "1000", NULL});
	if (!network_is_ours())
		skip();
	set_network(false);
	until_server_closed();
	set_network(true);
	server_settled();
}

/* And one with an answer on its way by the bytes that nobody acknowledges. */
static void test_silent_peer_with_an_answer(void **state)
{
	(void)state;
	begin((const char *const[]){"--tcp-user-ms", "1000", NULL});
	if (!network_is_ours())
		skip();
	say_wait(1, 2000);
	assert_int_equal(talk_ask(&talk, 3, "Echo", nothing()).len, 0); /* so the other one runs */
	set_network(false);
	until_server_closed();
	set_network(true);
	server_settled();
}

#define LIFE(test) cmocka_unit_test_teardown(test, teardown)
#define CUT(test)  cmocka_unit_test_setup_teardown(test, setup_network, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE(test_idle),
		LIFE(test_idle_after_a_call),
		LIFE(test_age),
		LIFE(test_grace),
		LIFE(test_keepalive),
		LIFE(test_no_keepalive),
		LIFE(test_user_timeout),
		CUT(test_silent_peer),
		CUT(test_silent_peer_with_an_answer),
	};
	(void)network_is_ours();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
