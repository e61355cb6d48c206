/* One connection that asks for more than its share does not hold up the others of its loop. */
#include "tests/talk/talk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

static struct talk witness;
static struct buffer scratch;

static int setup(void **state)
{
	(void)state;
	talk_open(&witness, server.address, NULL);
	return 0;
}

static int teardown(void **state)
{
	talk_close(&witness);
	buffer_deinit(&scratch);
	return server_test_teardown(state);
}

/* A client that reads as fast as it can. */
struct glutton {
	struct talk talk;
	pthread_t thread;
	atomic_uint_fast64_t eaten;
};

static void *glutton_main(void *arg)
{
	static char food[1 << 20];
	struct glutton *glutton = arg;
	ssize_t got;
	while ((got = recv(glutton->talk.fd, food, sizeof(food), 0)) > 0)
		atomic_fetch_add(&glutton->eaten, (uint_fast64_t)got);
	return NULL;
}

/* A stream that is read as fast as it is written, with credit for 2 GiB: the other connection is
 * served long before that is used up. */
static void test_endless_stream(void **state)
{
	(void)state;
	static struct glutton glutton;
	const struct hello hello = {.stream_credit = FRAME_STREAM_MAX,
	                            .connection_credit = FRAME_STREAM_MAX};
	talk_open(&glutton.talk, server.address, &hello);
	say_call(&glutton.talk.out, 1, FRAME_CLOSE, "Expand",
	         numbers_message(&scratch, (uint64_t[]){UINT32_MAX, 60000}, 2));
	assert_int_equal(pthread_create(&glutton.thread, NULL, glutton_main, &glutton), 0);
	struct bytes all = buffer_bytes(&glutton.talk.out);
	assert_int_equal(send(glutton.talk.fd, all.data, all.len, MSG_NOSIGNAL), all.len);
	while (atomic_load(&glutton.eaten) < 1000000)
		sched_yield();
	for (uint32_t stream = 1; stream < 20; stream += 2)
		assert_int_equal(talk_ask(&witness, stream, "Echo", nothing()).len, 0);
	assert_true(atomic_load(&glutton.eaten) < FRAME_STREAM_MAX / 2);
	shutdown(glutton.talk.fd, SHUT_RDWR);
	pthread_join(glutton.thread, NULL);
	talk_close(&glutton.talk);
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_endless_stream),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
