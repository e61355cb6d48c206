/* Answers to SETTINGS and PING that an HTTP/2 peer does not read. Before there are too many of them
 * it has been told off for its SETTINGS, unless it was sent much: each frame of an answer allows it
 * more of them. So the peer asks for an answer without end, and reads nothing of it. */
#include "daemon/transport/connection.h"
#include "daemon/transport/http2/session.h"
#include "tests/talk/h2.h"
#include "tests/unit/daemon/transport/one_worker.h"

#include <unistd.h>

enum { RECEIVE_BUFFER = 4096, STILL_TURNS = 200, WINDOW = 1 << 30 };

/* 2^28 messages of 64,000 bytes. */
static const uint8_t endless[] = {0x08, 0x80, 0x80, 0x80, 0x80, 0x01, 0x10, 0x80, 0xf4, 0x03};

static void say(int fd, struct h2 *peer)
{
	one_worker_say(fd, buffer_bytes(&peer->talk.out));
	buffer_consume(&peer->talk.out, buffer_len(&peer->talk.out));
}

static void ask_for_much(int fd, struct h2 *peer)
{
	static const uint8_t wide[] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW >> 24, 0, 0,
	                               0};
	h2_say_preface(peer);
	h2_say(peer, NGHTTP2_SETTINGS, 0, 0, bytes_of(wide, sizeof(wide)));
	h2_say_number(peer, NGHTTP2_WINDOW_UPDATE, 0, WINDOW);
	h2_say_request(peer, 1, "Expand", NULL);
	h2_say_message(peer, H2_END_STREAM, 1, bytes_of(endless, sizeof(endless)));
	say(fd, peer);
}

/* Until the kernel takes nothing more. */
static void wait_until_full(const struct connection *connection)
{
	size_t unsent = 0;
	for (int still = 0; still < STILL_TURNS; still++) {
		one_worker_turns(1);
		if (!connection->outgoing || connection_unsent(connection) != unsent)
			still = 0;
		unsent = connection_unsent(connection);
	}
}

static void test_unread_acks(void **state)
{
	(void)state;
	struct h2 peer = {0};
	int fd = one_worker_dial(RECEIVE_BUFFER);
	const uint64_t *faults = worker->transport.counters.http2_faults;
	const struct connection *connection = one_worker_connection();
	ask_for_much(fd, &peer);
	wait_until_full(connection);
	for (int i = 0; i < LIMIT_OUTSTANDING_ACKS; i++)
		h2_say(&peer, NGHTTP2_SETTINGS, 0, 0, bytes_of(NULL, 0));
	say(fd, &peer);
	one_worker_turns(1);
	assert_int_equal(worker->transport.counters.protocol_errors, 0);
	assert_int_equal(worker->rpc.live, 1);
	h2_say(&peer, NGHTTP2_PING, 0, 0, bytes_of("12345678", 8));
	say(fd, &peer);
	one_worker_turns(1);
	assert_int_equal(faults[FAULT_UNREAD_ACKS], 1);
	assert_int_equal(worker->transport.counters.protocol_errors, 1);
	assert_int_equal(connection->state, CONNECTION_FINISHING);
	buffer_deinit(&peer.talk.out);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unread_acks, one_worker_setup,
	                                        one_worker_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
