/* Whoever goes too far loses the connection, is told why, and is counted; a good client beside it
 * does not notice. */
#include "tests/talk/h2.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum fault {
	NO_FAULT,
#define FAULT(name, code, reason) FAULT_##name,
#include "daemon/transport/http2/fault.def"
#undef FAULT
};

static struct h2 bad, good;
static uint32_t good_stream;

static int setup(void **state)
{
	(void)state;
	h2_open(&good, server.address);
	h2_open(&bad, server.address);
	good_stream = 1;
	return 0;
}

static int teardown(void **state)
{
	h2_close(&bad);
	h2_close(&good);
	return server_test_teardown(state);
}

static void good_call(void)
{
	h2_echo(&good, good_stream);
	good_stream += 2;
}

/* `say` is repeated until the server ends the connection, at most `most` times. */
static void flood(void (*say)(uint32_t i), uint32_t most, enum fault fault, uint32_t code,
                  const char *text)
{
	uint64_t before = server_count_of(fault).faults;
	for (uint32_t i = 0; i < most; i++) {
		say(i);
		if (i % (most / 4) == most / 4 - 1) {
			h2_send(&bad);
			good_call();
		}
	}
	h2_send(&bad);
	h2_expect_fault(&bad, code, text);
	good_call();
	assert_int_equal(server_count_of(fault).faults, before + 1);
}

/* --- resets -------------------------------------------------------------------------- */

static void say_rapid_reset(uint32_t i)
{
	h2_say_request(&bad, 2 * i + 1, "Wait", NULL);
	h2_say_number(&bad, NGHTTP2_RST_STREAM, 2 * i + 1, NGHTTP2_CANCEL);
}

static void test_rapid_reset(void **state)
{
	(void)state;
	flood(say_rapid_reset, LIMIT_CANCELS_WHILE_RUNNING + 5 * LIMIT_CANCEL_RATE, FAULT_RESETS,
	      NGHTTP2_ENHANCE_YOUR_CALM, "cancelled");
}

/* What is reset does not run on: so there are never more handlers than streams may be open. */
static void test_resets_of_running_calls(void **state)
{
	(void)state;
	enum { ROUNDS = 3 };
	const uint64_t wait[] = {600000};
	struct buffer scratch = {0};
	const struct bytes request = numbers_message(&scratch, wait, 1);
	uint32_t first = 1;
	for (int round = 0; round < ROUNDS; round++, first += 2 * LIMIT_STREAMS) {
		for (uint32_t i = 0; i < LIMIT_STREAMS; i++) {
			h2_say_request(&bad, first + 2 * i, "Wait", NULL);
			h2_say_message(&bad, H2_END_STREAM, first + 2 * i, request);
		}
		h2_send(&bad);
		while (server_count().running < LIMIT_STREAMS)
			good_call();
		for (uint32_t i = 0; i < LIMIT_STREAMS; i++)
			h2_say_number(&bad, NGHTTP2_RST_STREAM, first + 2 * i, NGHTTP2_CANCEL);
		h2_send(&bad);
		while (server_count().running > 0)
			good_call();
	}
	h2_echo(&bad, first);
	buffer_deinit(&scratch);
}

/* The server is made to reset: a window that overflows. */
static void say_made_reset(uint32_t i)
{
	h2_say_request(&bad, 2 * i + 1, "Wait", NULL);
	h2_say_number(&bad, NGHTTP2_WINDOW_UPDATE, 2 * i + 1, INT32_MAX);
}

static void test_made_you_reset(void **state)
{
	(void)state;
	flood(say_made_reset, 4 * LIMIT_HTTP2_STREAM_ERRORS, FAULT_STREAM_ERRORS,
	      NGHTTP2_PROTOCOL_ERROR, "broke the protocol");
}

/* An honest client cancels more than nghttp2's own limit lets through. */
static void test_honest_cancels(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3000; i++)
		say_rapid_reset(i);
	h2_send(&bad);
	h2_echo(&bad, 6001);
}

/* --- floods -------------------------------------------------------------------------- */

static void say_early_ping(uint32_t i)
{
	(void)i;
	h2_say(&bad, NGHTTP2_PING, 0, 0, bytes_of("12345678", 8));
}

static void test_pings(void **state)
{
	(void)state;
	flood(say_early_ping, 8, FAULT_PINGS, NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
}

/* Pings between answers are how clients measure the path. */
static void test_pings_with_calls(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		say_early_ping(i);
		h2_echo(&bad, 2 * i + 1);
	}
}

static void say_settings(uint32_t i)
{
	(void)i;
	h2_say(&bad, NGHTTP2_SETTINGS, 0, 0, nothing());
}

static void test_settings(void **state)
{
	(void)state;
	flood(say_settings, 2 * LIMIT_HTTP2_CONTROL_FRAMES, FAULT_CONTROL_FRAMES,
	      NGHTTP2_ENHANCE_YOUR_CALM, "SETTINGS");
}

/* nghttp2 counts the entries of one frame. */
static void test_long_settings(void **state)
{
	(void)state;
	uint8_t entries[6 * (LIMIT_HTTP2_SETTINGS + 1)] = {0};
	for (size_t i = 0; i < sizeof(entries); i += 6)
		entries[i + 1] = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS;
	h2_say(&bad, NGHTTP2_SETTINGS, 0, 0, bytes_of(entries, sizeof(entries) - 6));
	h2_send(&bad);
	h2_echo(&bad, 1);
	h2_say(&bad, NGHTTP2_SETTINGS, 0, 0, bytes_of(entries, sizeof(entries)));
	h2_send(&bad);
	h2_expect_fault(&bad, NGHTTP2_ENHANCE_YOUR_CALM, "too many setting entries");
	good_call();
}

static void say_priority(uint32_t i)
{
	h2_say(&bad, NGHTTP2_PRIORITY, 0, 2 * i + 1, bytes_of("\0\0\0\0\1", 5));
}

static void test_priorities(void **state)
{
	(void)state;
	flood(say_priority, 2 * LIMIT_HTTP2_CONTROL_FRAMES, FAULT_CONTROL_FRAMES,
	      NGHTTP2_ENHANCE_YOUR_CALM, "PRIORITY");
}

static void say_window(uint32_t i)
{
	(void)i;
	h2_say_number(&bad, NGHTTP2_WINDOW_UPDATE, 0, 1);
}

static void test_windows(void **state)
{
	(void)state;
	flood(say_window, 2 * LIMIT_HTTP2_CONTROL_FRAMES, FAULT_CONTROL_FRAMES,
	      NGHTTP2_ENHANCE_YOUR_CALM, "WINDOW_UPDATE");
}

static void say_empty(uint32_t i)
{
	if (i == 0)
		h2_say_request(&bad, 1, "Collect", NULL);
	h2_say(&bad, NGHTTP2_DATA, 0, 1, nothing());
}

static void test_empty_frames(void **state)
{
	(void)state;
	flood(say_empty, 4 * LIMIT_HTTP2_EMPTY_FRAMES, FAULT_EMPTY_FRAMES,
	      NGHTTP2_ENHANCE_YOUR_CALM, "without content");
}

static void say_continuation(uint32_t i)
{
	struct buffer block = {0};
	h2_field_write(&block, "x-more", "and more");
	h2_say(&bad, i == 0 ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION, 0, 1, buffer_bytes(&block));
	buffer_deinit(&block);
}

static void test_continuations(void **state)
{
	(void)state;
	flood(say_continuation, 4 * LIMIT_HTTP2_CONTINUATIONS, FAULT_CONTINUATIONS,
	      NGHTTP2_ENHANCE_YOUR_CALM, "CONTINUATION");
}

/* --- bombs --------------------------------------------------------------------------- */

/* RFC 7541: one entry of 3,900 bytes in the table, then named again by a byte each time. */
static void say_header_bomb(uint32_t stream, int times)
{
	enum { VALUE = 3900 };
	struct buffer block = {0};
	char value[VALUE + 1];
	memset(value, 'v', VALUE);
	value[VALUE] = '\0';
	assert_true(buffer_append(&block, "\x40", 1)); /* a literal that is kept */
	struct buffer field = {0};
	h2_field_write(&field, "x-bomb", value);
	assert_true(buffer_append(&block, field.data + 1, buffer_len(&field) - 1));
	for (int i = 0; i < times; i++)
		assert_true(buffer_append(&block, "\xbe", 1)); /* index 62: the newest */
	struct buffer head = {0};
	static const struct h2_field fields[] = {{":method", "POST"},
	                                         {":scheme", "http"},
	                                         {":path", "/prism.test.v1.EchoService/Echo"},
	                                         {":authority", "test"},
	                                         {"content-type", "application/grpc"}};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		h2_field_write(&head, fields[i].name, fields[i].value);
	assert_true(buffer_append(&head, block.data, buffer_len(&block)));
	h2_say(&bad, NGHTTP2_HEADERS, H2_END_STREAM | H2_END_HEADERS, stream, buffer_bytes(&head));
	buffer_deinit(&block);
	buffer_deinit(&field);
	buffer_deinit(&head);
}

static void test_header_bomb(void **state)
{
	(void)state;
	uint64_t before = server_count().header_bombs;
	say_header_bomb(1, 60);
	h2_send(&bad);
	h2_expect_status(&bad, 1, STATUS_RESOURCE_EXHAUSTED, "8192 bytes");
	assert_int_equal(server_count().header_bombs, before + 1);
	h2_echo(&bad, 3);
	good_call();
}

/* One that is large, or several. */
static void test_header_bombs(void **state)
{
	(void)state;
	uint64_t before = server_count_of(FAULT_HEADERS).faults;
	say_header_bomb(1, 4000);
	h2_send(&bad);
	h2_expect_fault(&bad, NGHTTP2_ENHANCE_YOUR_CALM, "large header lists");
	good_call();
	h2_close(&bad);
	h2_open(&bad, server.address);
	for (uint32_t i = 0; i < 40; i++)
		say_header_bomb(2 * i + 1, 40);
	h2_send(&bad);
	h2_expect_fault(&bad, NGHTTP2_ENHANCE_YOUR_CALM, "large header lists");
	good_call();
	assert_int_equal(server_count_of(FAULT_HEADERS).faults, before + 2);
}

/* A header block as long as CONTINUATION allows is read to its end, and refused. */
static void test_long_header_block(void **state)
{
	(void)state;
	enum { PART = 16000 };
	struct buffer part = {0};
	char value[PART];
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	h2_say_request(&bad, 1, "Echo", NULL);
	bad.talk.out.data[bad.talk.out.start + 4] &= (uint8_t)~H2_END_HEADERS;
	h2_field_write(&part, "x-long", value);
	for (int i = 1; i <= LIMIT_HTTP2_CONTINUATIONS; i++)
		h2_say(&bad, NGHTTP2_CONTINUATION,
		       i == LIMIT_HTTP2_CONTINUATIONS ? H2_END_HEADERS : 0, 1, buffer_bytes(&part));
	h2_say(&bad, NGHTTP2_DATA, H2_END_STREAM, 1, nothing());
	h2_send(&bad);
	h2_expect_status(&bad, 1, STATUS_RESOURCE_EXHAUSTED, "8192 bytes");
	h2_echo(&bad, 3);
	good_call();
	buffer_deinit(&part);
}

/* So many zeros, compressed; its length. */
static size_t zeros(size_t count, uint8_t *out, size_t size)
{
	z_stream stream = {0};
	uint8_t *in = calloc(1, count);
	assert_non_null(in);
	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY),
	                 Z_OK);
	stream.next_in = in;
	stream.avail_in = (uInt)count;
	stream.next_out = out;
	stream.avail_out = (uInt)size;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	free(in);
	return size - stream.avail_out;
}

static void say_gzip_bomb(uint32_t stream)
{
	uint8_t message[16000];
	size_t len = zeros(10000000, message + 5, sizeof(message) - 5);
	struct writer writer = writer_init(message, 5);
	writer_u8(&writer, 1);
	writer_u32(&writer, (uint32_t)len);
	h2_say_request(&bad, stream, "Echo",
	               (const struct h2_field[]){{"grpc-encoding", "gzip"}, {0}});
	h2_say(&bad, NGHTTP2_DATA, H2_END_STREAM, stream, bytes_of(message, len + 5));
}

static void test_gzip_bomb(void **state)
{
	(void)state;
	uint64_t before = server_count().gzip_bombs;
	say_gzip_bomb(1);
	h2_send(&bad);
	h2_expect_status(&bad, 1, STATUS_RESOURCE_EXHAUSTED, "more than 4194304 bytes");
	assert_int_equal(server_count().gzip_bombs, before + 1);
	h2_echo(&bad, 3);
	good_call();
}

/* An EchoMessage of zeros that is just not too large, for a handler that does not take it: some
 * kilobytes that become megabytes. */
static void say_swelling(uint32_t stream)
{
	uint8_t message[16000];
	size_t len = zeros(4000000, message + 5, sizeof(message) - 5);
	struct writer writer = writer_init(message, 5);
	writer_u8(&writer, 1);
	writer_u32(&writer, (uint32_t)len);
	h2_say_request(&bad, stream, "Dawdle",
	               (const struct h2_field[]){{"grpc-encoding", "gzip"}, {0}});
	h2_say_message(&bad, 0, stream, bytes_of("\x0a\1\xff", 3)); /* a minute */
	h2_say(&bad, NGHTTP2_DATA, H2_END_STREAM, stream, bytes_of(message, len + 5));
}

static void test_swelling_messages(void **state)
{
	(void)state;
	enum { STREAMS = LIMIT_CONNECTION_INPUT / 4000000 + 2 };
	for (uint32_t i = 0; i < STREAMS; i++)
		say_swelling(2 * i + 1);
	h2_send(&bad);
	h2_expect_status(&bad, 2 * STREAMS - 1, STATUS_RESOURCE_EXHAUSTED,
	                 "too many requests in memory");
	good_call();
}

/* The worker is in a handler until the FIFO at `path` is written to; the FIFO. */
static int block(const char *path)
{
	struct buffer request = {0};
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(
		buffer_append(&request, (const uint8_t[]){1 << 3 | 2, (uint8_t)strlen(path)}, 2));
	assert_true(buffer_append(&request, path, strlen(path)));
	h2_say_request(&good, good_stream, "Block", NULL);
	h2_say_message(&good, H2_END_STREAM, good_stream, buffer_bytes(&request));
	h2_send(&good);
	buffer_deinit(&request);
	return open(path, O_WRONLY | O_CLOEXEC);
}

/* How many had gone off when the good client's call was answered. */
static uint64_t count_bombs(void)
{
	struct h2_answer answer;
	h2_answer(&good, good_stream, &answer);
	h2_answer_free(&answer);
	good_stream += 2;
	h2_answer(&good, good_stream, &answer);
	good_stream += 2;
	struct bytes body = buffer_bytes(&answer.body);
	assert_true(body.len > 5);
	uint64_t count = server_count_field(bytes_of(body.data + 5, body.len - 5), 6);
	h2_answer_free(&answer);
	return count;
}

/* Many that come at once wait for one another, and the good client's call for two at most. */
static void test_many_gzip_bombs(void **state)
{
	(void)state;
	enum { BOMBS = 24, AT_MOST = 2 };
	char directory[64], path[80];
	directory_make(directory);
	snprintf(path, sizeof(path), "%s/fifo", directory);
	uint64_t before = server_count().gzip_bombs;
	int fifo = block(path);
	assert_true(fifo >= 0);
	for (uint32_t i = 0; i < BOMBS; i++)
		say_gzip_bomb(2 * i + 1);
	h2_send(&bad);
	h2_say_request(&good, good_stream + 2, "Count", NULL);
	h2_say_message(&good, H2_END_STREAM, good_stream + 2, nothing());
	h2_send(&good);
	assert_int_equal(write(fifo, "x", 1), 1);
	close(fifo);
	assert_in_range(count_bombs() - before, 0, AT_MOST);
	for (uint32_t i = 0; i < BOMBS; i++)
		h2_expect_status(&bad, 2 * i + 1, STATUS_RESOURCE_EXHAUSTED, "more than 4194304");
	assert_int_equal(server_count().gzip_bombs, before + BOMBS);
	good_call();
	directory_remove(directory);
}

/* --- streams ------------------------------------------------------------------------- */

/* One more than may be open is refused, and the client may send it again. */
static void test_streams(void **state)
{
	(void)state;
	uint32_t stream = 1;
	for (int i = 0; i < LIMIT_STREAMS; i++, stream += 2)
		h2_say_request(&bad, stream, "Chat", NULL);
	h2_send(&bad);
	assert_int_equal(server_count().calls, LIMIT_STREAMS);
	good_call();
	h2_say(&bad, NGHTTP2_DATA, H2_END_STREAM, 1, nothing());
	h2_send(&bad);
	h2_expect_status(&bad, 1, STATUS_OK, NULL);
	h2_say_request(&bad, stream, "Chat", NULL);
	h2_say(&bad, NGHTTP2_DATA, H2_END_STREAM, stream, nothing());
	h2_send(&bad);
	h2_expect_status(&bad, stream, STATUS_OK, NULL);
}

#define H2_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		H2_TEST(test_rapid_reset),       H2_TEST(test_resets_of_running_calls),
		H2_TEST(test_long_settings),     H2_TEST(test_made_you_reset),
		H2_TEST(test_honest_cancels),    H2_TEST(test_pings),
		H2_TEST(test_pings_with_calls),  H2_TEST(test_settings),
		H2_TEST(test_priorities),        H2_TEST(test_windows),
		H2_TEST(test_empty_frames),      H2_TEST(test_continuations),
		H2_TEST(test_header_bomb),       H2_TEST(test_header_bombs),
		H2_TEST(test_long_header_block), H2_TEST(test_gzip_bomb),
		H2_TEST(test_many_gzip_bombs),   H2_TEST(test_swelling_messages),
		H2_TEST(test_streams),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
