/* Frames at their edges: what RFC 9113 allows is served, what it forbids ends no more than it must.
 */
#include "tests/talk/h2.h"

static struct h2 h2;

static int setup(void **state)
{
	(void)state;
	h2_open(&h2, server.address);
	return 0;
}

static int teardown(void **state)
{
	h2_close(&h2);
	return server_test_teardown(state);
}

static const char MESSAGE[] = "\0\0\0\0\4\x0a\x02hi";

static void say_part(uint32_t stream, size_t from, size_t to)
{
	h2_say(&h2, NGHTTP2_DATA, to == sizeof(MESSAGE) - 1 ? H2_END_STREAM : 0, stream,
	       bytes_of(MESSAGE + from, to - from));
}

/* --- what is allowed ------------------------------------------------------------------ */

static void test_interleaved_messages(void **state)
{
	(void)state;
	enum { STREAMS = 10 };
	for (uint32_t i = 0; i < STREAMS; i++)
		h2_say_request(&h2, 2 * i + 1, "Echo", NULL);
	for (size_t at = 0; at < sizeof(MESSAGE) - 1; at++)
		for (uint32_t i = 0; i < STREAMS; i++)
			say_part(2 * i + 1, at, at + 1);
	h2_send(&h2);
	for (int ended = 0; ended < STREAMS;) {
		struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_DATA);
		assert_int_equal(frame.payload.len, sizeof(MESSAGE) - 1);
		assert_memory_equal(frame.payload.data, MESSAGE, frame.payload.len);
		ended++;
	}
}

/* A header block in three frames, the last one without a byte. */
static void test_continuation(void **state)
{
	(void)state;
	struct buffer block = {0};
	static const struct h2_field fields[] = {{":method", "POST"},
	                                         {":scheme", "http"},
	                                         {":path", "/prism.test.v1.EchoService/Echo"},
	                                         {":authority", "test"},
	                                         {"content-type", "application/grpc"}};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		h2_field_write(&block, fields[i].name, fields[i].value);
	struct bytes all = buffer_bytes(&block);
	h2_say(&h2, NGHTTP2_HEADERS, 0, 1, bytes_of(all.data, 20));
	h2_say(&h2, NGHTTP2_CONTINUATION, 0, 1, bytes_of(all.data + 20, all.len - 20));
	h2_say(&h2, NGHTTP2_CONTINUATION, H2_END_HEADERS, 1, nothing());
	say_part(1, 0, sizeof(MESSAGE) - 1);
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
	buffer_deinit(&block);
}

/* Padding counts for the windows; its credit comes back, too. */
static void test_padding(void **state)
{
	(void)state;
	enum {
		PADDING = 255,
		FRAME = 1 + 5 + PADDING,
		FRAMES = LIMIT_CONNECTION_CREDIT / FRAME + 1000
	};
	uint8_t payload[FRAME] = {PADDING};
	int64_t connection = 65535, stream = LIMIT_STREAM_CREDIT;
	h2_say_request(&h2, 1, "Collect", NULL);
	for (int i = 0; i < FRAMES; i++) {
		while (connection < FRAME || stream < FRAME) {
			h2_send(&h2);
			struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_WINDOW_UPDATE);
			struct reader reader = reader_init(frame.payload);
			*(frame.stream == 0 ? &connection : &stream) += reader_u32(&reader);
		}
		connection -= FRAME;
		stream -= FRAME;
		h2_say(&h2, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, bytes_of(payload, FRAME));
	}
	h2_say(&h2, NGHTTP2_DATA, H2_END_STREAM, 1, nothing());
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
}

/* The window of an open stream shrinks below what it has used: it waits until it is paid. */
static void test_window_that_shrinks(void **state)
{
	(void)state;
	uint8_t payload[16];
	const nghttp2_settings_entry small = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10};
	h2_say_request(&h2, 1, "Chat", NULL);
	say_part(1, 0, 8);
	h2_say(&h2, NGHTTP2_DATA, 0, 1, bytes_of(MESSAGE + 8, 1));
	h2_send(&h2);
	(void)h2_wait_for(&h2, NGHTTP2_DATA); /* 9 bytes: with a window of 10, one is left */
	ssize_t len = nghttp2_pack_settings_payload(payload, sizeof(payload), &small, 1);
	h2_say(&h2, NGHTTP2_SETTINGS, 0, 0, bytes_of(payload, (size_t)len));
	say_part(1, 0, sizeof(MESSAGE) - 1);
	h2_send(&h2);
	struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_DATA);
	assert_int_equal(frame.payload.len, 1);
	h2_say_number(&h2, NGHTTP2_WINDOW_UPDATE, 1, 8);
	h2_send(&h2);
	frame = h2_wait_for(&h2, NGHTTP2_DATA);
	assert_int_equal(frame.payload.len, 8);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
}

static void test_ping_and_unknown_frames(void **state)
{
	(void)state;
	h2_say(&h2, 0xfe, 0xff, 1, bytes_of("whatever", 8));
	h2_say(&h2, NGHTTP2_PING, 0, 0, bytes_of("12345678", 8));
	h2_send(&h2);
	struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_PING);
	assert_int_equal(frame.flags, H2_ACK);
	assert_memory_equal(frame.payload.data, "12345678", 8);
	h2_echo(&h2, 1);
}

/* A client that goes: what runs is finished. */
static void test_goaway_of_a_client(void **state)
{
	(void)state;
	h2_say_request(&h2, 1, "Chat", NULL);
	h2_say(&h2, NGHTTP2_GOAWAY, 0, 0, bytes_of("\0\0\0\0\0\0\0\0", 8));
	say_part(1, 0, sizeof(MESSAGE) - 1);
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
}

/* --- resets --------------------------------------------------------------------------- */

/* Wherever a call is when it is reset, the connection goes on, and nothing is left of it. */
static void test_reset_at_every_state(void **state)
{
	(void)state;
	enum { STATES = 5 };
	for (uint32_t i = 0; i < STATES; i++) {
		uint32_t stream = 4 * i + 1;
		h2_say_request(&h2, stream, i == 3 ? "Wait" : "Chat", NULL);
		if (i == 1)
			say_part(stream, 0, 7); /* within a message */
		if (i == 2)
			h2_say(&h2, NGHTTP2_DATA, 0, stream,
			       bytes_of(MESSAGE, sizeof(MESSAGE) - 1));
		if (i == 3) /* the request is complete: ten seconds */
			h2_say_message(&h2, H2_END_STREAM, stream, bytes_of("\x08\x90\x4e", 3));
		if (i == 4) { /* the answer is on its way */
			say_part(stream, 0, sizeof(MESSAGE) - 1);
			h2_send(&h2);
			(void)h2_wait_for(&h2, NGHTTP2_DATA);
		}
		h2_say_number(&h2, NGHTTP2_RST_STREAM, stream, NGHTTP2_CANCEL);
		h2_send(&h2);
		h2_echo(&h2, stream + 2);
	}
	server_settled_but(1);
}

/* --- what is forbidden ----------------------------------------------------------------- */

static void expect_broken(uint32_t code)
{
	struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_GOAWAY);
	struct reader reader = reader_init(frame.payload);
	(void)reader_u32(&reader);
	assert_int_equal(reader_u32(&reader), code);
	h2_expect_closed(&h2);
}

static void test_even_stream(void **state)
{
	(void)state;
	h2_say_request(&h2, 2, "Echo", NULL);
	h2_send(&h2);
	expect_broken(NGHTTP2_PROTOCOL_ERROR);
}

static void test_data_without_a_stream(void **state)
{
	(void)state;
	h2_say(&h2, NGHTTP2_DATA, 0, 7, bytes_of("x", 1));
	h2_send(&h2);
	expect_broken(NGHTTP2_PROTOCOL_ERROR);
}

static void test_frame_that_is_too_large(void **state)
{
	(void)state;
	static const uint8_t much[16385];
	h2_say_request(&h2, 1, "Echo", NULL);
	h2_say(&h2, NGHTTP2_DATA, 0, 1, bytes_of(much, sizeof(much)));
	h2_send(&h2);
	expect_broken(NGHTTP2_FRAME_SIZE_ERROR);
}

static void test_headers_that_cannot_be_decompressed(void **state)
{
	(void)state;
	h2_say(&h2, NGHTTP2_HEADERS, H2_END_HEADERS, 1, bytes_of("\xff\xff\xff\xff\xff", 5));
	h2_send(&h2);
	expect_broken(NGHTTP2_COMPRESSION_ERROR);
}

/* More bytes than the windows allow. */
static void test_flood_beyond_the_window(void **state)
{
	(void)state;
	uint8_t part[16384] = {0, 0, 0x3f, 0xff, 0xff}; /* of a message that does not end */
	h2_say_request(&h2, 1, "Dawdle", NULL);
	h2_say_message(&h2, 0, 1, bytes_of("\x0a\1\xff", 3)); /* taken; a minute */
	for (size_t i = 0; i < LIMIT_CONNECTION_CREDIT / sizeof(part) + 100; i++) {
		struct writer writer = writer_init(part, 5);
		writer_u8(&writer, 0);
		writer_u32(&writer, sizeof(part) - 5); /* whole messages: nobody takes them */
		memcpy(part + 5, "\x0a\xf8\x7f", 3);
		h2_say(&h2, NGHTTP2_DATA, 0, 1, bytes_of(part, sizeof(part)));
	}
	h2_send(&h2);
	struct h2_answer answer;
	h2_answer(&h2, 1, &answer);
	assert_true(answer.reset);
	assert_int_equal(answer.code, NGHTTP2_FLOW_CONTROL_ERROR);
	h2_answer_free(&answer);
}

#define H2_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		H2_TEST(test_interleaved_messages),
		H2_TEST(test_continuation),
		H2_TEST(test_padding),
		H2_TEST(test_window_that_shrinks),
		H2_TEST(test_ping_and_unknown_frames),
		H2_TEST(test_goaway_of_a_client),
		H2_TEST(test_reset_at_every_state),
		H2_TEST(test_even_stream),
		H2_TEST(test_data_without_a_stream),
		H2_TEST(test_frame_that_is_too_large),
		H2_TEST(test_headers_that_cannot_be_decompressed),
		H2_TEST(test_flood_beyond_the_window),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
