/* A server that stops, and what is on its way meanwhile: a stream is served as a whole, or it has
 * not begun. */
#include "daemon/transport/transport.h"
#include "tests/talk/h2.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CUTS_MOST = 512,
	WINDOW = 64 << 20,
};

static struct h2 h2;
static struct buffer scratch;
static char directory[64], record_path[80];

static int setup(void **state)
{
	(void)state;
	directory_make(directory);
	snprintf(record_path, sizeof(record_path), "%s/record", directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buffer_deinit(&scratch);
	directory_remove(directory);
	return 0;
}

static void up(const char *const arguments[])
{
	server_up(arguments);
	h2_open(&h2, server.address);
}

static void up_recording(void)
{
	up((const char *const[]){"--record", record_path, NULL});
}

static void down(void)
{
	h2_close(&h2);
	server_down();
}

static void stop(void)
{
	assert_int_equal(kill(server.pid, SIGTERM), 0);
}

/* --- what was executed ------------------------------------------------------------------- */

static void say_record(struct h2 *to, uint32_t stream)
{
	h2_say_request(to, stream, "RecordOnce", NULL);
	h2_say_message(to, H2_END_STREAM, stream, nothing());
}

static int records(void)
{
	FILE *file = fopen(record_path, "r");
	int lines = 0;
	for (int c; file && (c = getc(file)) != EOF;)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
}

/* --- much, and unread -------------------------------------------------------------------- */

/* Without reading: what the server has to say stays where it is. */
static void push(struct h2 *to)
{
	struct bytes out = buffer_bytes(&to->talk.out);
	assert_int_equal(send(to->talk.fd, out.data, out.len, MSG_NOSIGNAL), out.len);
	buffer_consume(&to->talk.out, out.len);
}

static void open_wide(void)
{
	const nghttp2_settings_entry window[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW}};
	h2_open_with(&h2, server.address, window, 1);
	h2_say_number(&h2, NGHTTP2_WINDOW_UPDATE, 0, WINDOW);
	h2_send(&h2);
}

static void say_expand(uint32_t stream, uint64_t count, uint64_t size)
{
	const uint64_t numbers[] = {count, size};
	h2_say_request(&h2, stream, "Expand", NULL);
	h2_say_message(&h2, H2_END_STREAM, stream, numbers_message(&scratch, numbers, 2));
}

/* --- two steps ----------------------------------------------------------------------- */

/* What was on its way when the notice went out is served; so is what runs. */
static void test_drain(void **state)
{
	(void)state;
	up((const char *const[]){NULL});
	h2_say_request(&h2, 1, "Chat", NULL);
	h2_send(&h2);
	h2_echo(&h2, 3);
	stop();
	h2_expect_notice(&h2);
	h2_echo(&h2, 5); /* it had not seen the notice yet */
	h2_acknowledge(&h2);
	h2_expect_last(&h2, 5);
	h2_say_message(&h2, H2_END_STREAM, 1, nothing());
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
	h2_expect_closed(&h2);
	down();
}

/* Streams above the last one are not served. */
static void test_drained_connection_takes_nothing(void **state)
{
	(void)state;
	up_recording();
	h2_say_request(&h2, 1, "Chat", NULL);
	h2_send(&h2);
	(void)server_count();
	stop();
	h2_expect_notice(&h2);
	h2_acknowledge(&h2);
	h2_expect_last(&h2, 1);
	say_record(&h2, 3);
	h2_say_message(&h2, H2_END_STREAM, 1, nothing());
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
	h2_expect_closed(&h2);
	down();
	assert_int_equal(records(), 0);
}

static void test_drain_of_an_idle_connection(void **state)
{
	(void)state;
	up((const char *const[]){NULL});
	stop();
	h2_expect_notice(&h2);
	h2_acknowledge(&h2);
	h2_expect_last(&h2, 0);
	h2_expect_closed(&h2);
	down();
}

/* A client that does not go, nor end its calls, is told so when patience ends. */
static void test_impatient_drain(void **state)
{
	(void)state;
	up((const char *const[]){"--drain-ms", "100", NULL});
	h2_say_request(&h2, 1, "Chat", NULL);
	h2_send(&h2);
	(void)server_count();
	stop();
	h2_expect_status(&h2, 1, STATUS_UNAVAILABLE, "going away");
	down();
}

/* An answer that is in the kernel's hands when the connection ends, and a client that takes its
 * time: longer than the server lingers for one that has everything. */
static void test_slow_reader(void **state)
{
	(void)state;
	const int small = 8192;
	struct h2 other;
	struct h2_answer answer;
	server_up((const char *const[]){NULL});
	h2_open(&other, server.address);
	open_wide();
	assert_int_equal(setsockopt(h2.talk.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	say_expand(1, 1, 1 << 20);
	h2_send(&h2);
	(void)h2_wait_for(&h2, NGHTTP2_HEADERS);
	stop();
	h2_expect_notice(&other);
	h2_say_pong(&h2);
	h2_say_pong(&h2);
	push(&h2);
	usleep((TRANSPORT_LINGER_MS + 500) * 1000);
	h2_say_number(&h2, NGHTTP2_WINDOW_UPDATE, 0, 1);
	push(&h2);
	h2_answer(&h2, 1, &answer);
	assert_in_range(buffer_len(&answer.body), 1 << 20, 2 << 20);
	assert_string_equal(h2_answer_field(&answer, "grpc-status"), "0");
	h2_answer_free(&answer);
	h2_expect_closed(&h2);
	h2_close(&other);
	down();
}

/* --- between the ACK and the last GOAWAY --------------------------------------------------- */

/* gRPC's C core writes ACKs before the headers of streams that it had begun. What comes behind an
 * ACK is served, and the last GOAWAY names it. */
static void test_request_behind_the_ack(void **state)
{
	(void)state;
	up_recording();
	stop();
	h2_expect_notice(&h2);
	h2_say_pong(&h2);
	h2_send(&h2);
	(void)h2_wait_for(&h2, NGHTTP2_PING);
	say_record(&h2, 1);
	h2_say_pong(&h2);
	say_record(&h2, 3);
	h2_send(&h2);
	h2_expect_last(&h2, 3);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
	h2_expect_status(&h2, 3, STATUS_OK, NULL);
	h2_expect_closed(&h2);
	down();
	assert_int_equal(records(), 2);
}

/* So many turns of the server, at least. */
static void let_turn(struct h2 *other, uint32_t *stream, int turns)
{
	for (int i = 0; i < turns; i++, *stream += 2)
		h2_echo(other, *stream);
}

/* The last GOAWAY waits behind output that nobody reads, and a request comes before it has gone:
 * the client will take it for one that was not begun. */
static void test_request_before_the_last_goaway_has_gone(void **state)
{
	(void)state;
	struct h2 other;
	uint32_t stream = 1;
	server_up((const char *const[]){"--record", record_path, NULL});
	open_wide();
	h2_open(&other, server.address);
	say_expand(1, 24, 1 << 20);
	push(&h2);
	let_turn(&other, &stream, 60);
	stop();
	h2_expect_notice(&other);
	h2_say_pong(&h2);
	h2_say_pong(&h2);
	push(&h2);
	let_turn(&other, &stream, 2);
	say_record(&h2, 3);
	push(&h2);
	let_turn(&other, &stream, 2);
	(void)h2_wait_for(&h2, NGHTTP2_GOAWAY); /* the notice */
	h2_expect_last(&h2, 1);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
	h2_expect_closed(&h2);
	h2_close(&other);
	down();
	assert_int_equal(records(), 0);
}

/* --- a conversation that the drain cuts ---------------------------------------------------- */

static const char ANSWER[] = "\0\0\0\0\3\n\1a\0\0\0\0\0\0\0\0\0\3\n\1b";

/* Three messages, one of them in two frames and one without content, and an end of its own. */
static void say_chat(struct h2 *to)
{
	h2_say_request(to, 1, "Chat", NULL);
	h2_say(to, NGHTTP2_DATA, 0, 1, bytes_of(ANSWER, 8));
	h2_say(to, NGHTTP2_DATA, 0, 1, bytes_of(ANSWER + 8, 7));
	h2_say(to, NGHTTP2_DATA, 0, 1, bytes_of(ANSWER + 15, 6));
	h2_say(to, NGHTTP2_DATA, H2_END_STREAM, 1, nothing());
}

static void expect_chat(struct h2 *from, size_t cut)
{
	struct h2_answer answer;
	h2_answer(from, 1, &answer);
	const char *status = h2_answer_field(&answer, "grpc-status");
	size_t len = buffer_len(&answer.body);
	if (answer.reset || strcmp(status, "0") != 0 || len != sizeof(ANSWER) - 1 ||
	    memcmp(answer.body.data + answer.body.start, ANSWER, len) != 0)
		fail_msg("cut at %zu: %zu bytes, reset %u, status '%s'", cut, len, answer.code,
		         status);
	h2_answer_free(&answer);
	h2_expect_closed(from);
}

static void send_part(struct h2 *to, struct buffer *from, size_t len)
{
	assert_true(buffer_append(&to->talk.out, from->data + from->start, len));
	buffer_consume(from, len);
	h2_send(to);
}

/* What is left of the frame that `at` lies in. */
static size_t rest_of_frame(struct bytes all, size_t at)
{
	size_t end = 0;
	while (end < at) {
		const uint8_t *head = all.data + end;
		end += 9 + ((size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2]);
	}
	return end - at;
}

struct cut {
	struct h2 h2;
	struct buffer left;
	size_t at;
};

static void begin_cut(struct cut *cut, size_t at)
{
	h2_open(&cut->h2, server.address);
	say_chat(&cut->h2);
	cut->left = cut->h2.talk.out;
	cut->h2.talk.out = (struct buffer){0};
	cut->at = at;
	send_part(&cut->h2, &cut->left, at);
}

/* The ACK comes as early as frames allow, or after everything. */
static void end_cut(struct cut *cut, struct bytes all, int when)
{
	if (when == 0) {
		send_part(&cut->h2, &cut->left, rest_of_frame(all, cut->at));
		h2_say_pong(&cut->h2);
		h2_say_pong(&cut->h2);
		if (cut->at > 0)
			h2_send(&cut->h2);
	}
	send_part(&cut->h2, &cut->left, buffer_len(&cut->left));
	if (when > 0) {
		h2_say_pong(&cut->h2);
		h2_say_pong(&cut->h2);
		h2_send(&cut->h2);
	}
	expect_chat(&cut->h2, cut->at);
	buffer_deinit(&cut->left);
	h2_close(&cut->h2);
}

static size_t chat_len(void)
{
	struct h2 model = {0};
	say_chat(&model);
	assert_true(buffer_append(&scratch, model.talk.out.data + model.talk.out.start,
	                          buffer_len(&model.talk.out)));
	buffer_deinit(&model.talk.out);
	return buffer_len(&scratch);
}

/* At each byte of it. */
static void test_cut(int when)
{
	static struct cut cuts[CUTS_MOST];
	size_t count = chat_len() + 1;
	assert_in_range(count, 1, CUTS_MOST);
	server_up((const char *const[]){NULL});
	for (size_t at = 0; at < count; at++)
		begin_cut(&cuts[at], at);
	h2_open(&h2, server.address);
	stop();
	h2_expect_notice(&h2);
	for (size_t at = 0; at < count; at++)
		end_cut(&cuts[at], buffer_bytes(&scratch), when);
	down();
}

static void test_cut_before_an_early_ack(void **state)
{
	(void)state;
	test_cut(0);
}

static void test_cut_before_a_late_ack(void **state)
{
	(void)state;
	test_cut(1);
}

/* --- no other end is taken for the end of the messages --------------------------------------- */

static void say_half_a_chat(uint32_t stream)
{
	h2_say_request(&h2, stream, "Chat", NULL);
	h2_say_message(&h2, 0, stream, bytes_of("\n\1a", 3));
}

static void by_reset(void)
{
	h2_say_number(&h2, NGHTTP2_RST_STREAM, 1, NGHTTP2_NO_ERROR);
	h2_send(&h2);
}

static void by_goaway(void)
{
	h2_say(&h2, NGHTTP2_GOAWAY, 0, 0, bytes_of("\0\0\0\0\0\0\0\0", 8));
	h2_send(&h2);
	assert_int_equal(shutdown(h2.talk.fd, SHUT_WR), 0);
}

static void by_shutdown(void)
{
	assert_int_equal(shutdown(h2.talk.fd, SHUT_WR), 0);
}

static void by_fault(void)
{
	h2_say_number(&h2, NGHTTP2_WINDOW_UPDATE, 0, 0);
	h2_send(&h2);
}

static void by_connection_reset(void)
{
	const struct linger now = {.l_onoff = 1};
	assert_int_equal(setsockopt(h2.talk.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	assert_int_equal(shutdown(h2.talk.fd, SHUT_RDWR), 0);
}

static void by_a_message_that_breaks_off(void)
{
	h2_say(&h2, NGHTTP2_DATA, H2_END_STREAM, 1, bytes_of("\0\0\0\0\3\n", 6));
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_INTERNAL, "within a message");
}

/* The handler, which returns OK at the end of the messages, does not see that. */
static void test_other_ends(void **state)
{
	(void)state;
	void (*const ways[])(void) = {by_reset, by_goaway,           by_shutdown,
	                              by_fault, by_connection_reset, by_a_message_that_breaks_off};
	server_up((const char *const[]){NULL});
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		h2_open(&h2, server.address);
		say_half_a_chat(1);
		h2_send(&h2);
		(void)h2_wait_for(&h2, NGHTTP2_DATA);
		ways[i]();
		h2_close(&h2);
		server_settled();
		assert_int_equal(server_count().failed, i + 1);
	}
	server_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_drain),
		TEST(test_drained_connection_takes_nothing),
		TEST(test_drain_of_an_idle_connection),
		TEST(test_impatient_drain),
		TEST(test_slow_reader),
		TEST(test_request_behind_the_ack),
		TEST(test_request_before_the_last_goaway_has_gone),
		TEST(test_cut_before_an_early_ack),
		TEST(test_cut_before_a_late_ack),
		TEST(test_other_ends),
#undef TEST
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
