/* What breaks a rule of the framing ends the connection with a reason; no other connection notices.
 */
#include "tests/talk/talk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct talk talk, witness;
static uint32_t witnessed;

static int setup(void **state)
{
	(void)state;
	witnessed = 1;
	talk_open(&witness, server.address, NULL);
	talk_open(&talk, server.address, NULL);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(talk_ask(&witness, witnessed, "Echo", nothing()).len, 0);
	talk_close(&talk);
	talk_close(&witness);
	return server_test_teardown(state);
}

/* A whole frame by its bytes: header fields as they are on the wire. */
struct fault {
	const char *name;
	uint32_t length;
	uint8_t type, flags;
	uint16_t meta_len;
	uint32_t stream;
	const char *rest; /* what follows, as a string */
	size_t rest_len;
	enum status code;
	const char *reason;
};

#define REST(bytes) bytes, sizeof(bytes) - 1

static const struct fault faults[] = {
	{"frame too long", 65537, FRAME_CALL, 0, 0, 1, REST(""), STATUS_INTERNAL, "max_frame"},
	{"huge frame", 0xffffffff, FRAME_CALL, 0, 0, 1, REST(""), STATUS_INTERNAL, "max_frame"},
	{"meta longer than the frame", 4, FRAME_CALL, 0, 5, 1, REST(""), STATUS_INTERNAL,
         "meta_len"},
	{"meta too long", 9000, FRAME_CALL, 0, 8193, 1, REST(""), STATUS_INTERNAL, "8192"},
	{"reserved bit", 0, FRAME_CALL, 0, 0, 0x80000001, REST(""), STATUS_INTERNAL, "bit 31"},
	{"type 0", 0, 0, 0, 0, 0, REST(""), STATUS_INTERNAL, "unknown"},
	{"LIMIT is reserved", 0, FRAME_LIMIT, 0, 0, 0, REST(""), STATUS_INTERNAL, "unknown"},
	{"unknown critical type", 0, 0x7f, 0, 0, 0, REST(""), STATUS_INTERNAL, "unknown"},
	{"unknown flag", 0, FRAME_CALL, 0x10, 0, 1, REST(""), STATUS_INTERNAL, "flag"},
	{"CALL on stream 0", 0, FRAME_CALL, 0, 0, 0, REST(""), STATUS_INTERNAL, "stream"},
	{"CALL on an even stream", 0, FRAME_CALL, 0, 0, 2, REST(""), STATUS_INTERNAL, "odd"},
	{"CALL without path", 0, FRAME_CALL, 0, 0, 1, REST(""), STATUS_INTERNAL, "path"},
	{"CALL by an unknown number", 2, FRAME_CALL, 0, 2, 1, REST("\x10\x01"), STATUS_INTERNAL,
         "path_id 1 is not defined"},
	{"number out of order", 5, FRAME_CALL, 0, 5, 1, REST("\x0a\x01/\x10\x02"), STATUS_INTERNAL,
         "the next is 1"},
	{"number over the limit", 6, FRAME_CALL, 0, 6, 1, REST("\x0a\x01/\x10\x81\x20"),
         STATUS_RESOURCE_EXHAUSTED, "4096"},
	{"CALL meta is no protobuf", 1, FRAME_CALL, 0, 1, 1, REST("\xff"), STATUS_INTERNAL,
         "stream 1"},
	{"CALL meta cut", 2, FRAME_CALL, 0, 2, 1, REST("\x0a\x05"), STATUS_INTERNAL, "stream 1"},
	{"path twice", 6, FRAME_CALL, 0, 6, 1, REST("\x0a\x01/\x0a\x01/"), STATUS_INTERNAL,
         "stream 1"},
	{"NOMSG with a body", 3, FRAME_CALL, FRAME_NOMSG, 2, 1, REST("\x10\x01x"), STATUS_INTERNAL,
         "NOMSG"},
	{"NOMSG and MORE", 2, FRAME_CALL, FRAME_NOMSG | FRAME_MORE, 2, 1, REST("\x10\x01"),
         STATUS_INTERNAL, "NOMSG"},
	{"MSG for a stream to come", 0, FRAME_MSG, 0, 0, 9, REST(""), STATUS_INTERNAL,
         "no CALL has opened"},
	{"CANCEL for a stream to come", 0, FRAME_CANCEL, 0, 0, 9, REST(""), STATUS_INTERNAL,
         "no CALL has opened"},
	{"CREDIT for a stream to come", 4, FRAME_CREDIT, 0, 0, 9, REST("\0\0\0\1"), STATUS_INTERNAL,
         "no CALL has opened"},
	{"MSG with meta", 1, FRAME_MSG, 0, 1, 1, REST("x"), STATUS_INTERNAL, "meta"},
	{"HEAD from a client", 0, FRAME_HEAD, 0, 0, 1, REST(""), STATUS_INTERNAL, "only a server"},
	{"END from a client", 0, FRAME_END, FRAME_NOMSG, 0, 1, REST(""), STATUS_INTERNAL,
         "only a server"},
	{"CREDIT of 3 bytes", 3, FRAME_CREDIT, 0, 0, 0, REST("\0\0\1"), STATUS_INTERNAL, "4 bytes"},
	{"CREDIT of nothing", 4, FRAME_CREDIT, 0, 0, 0, REST("\0\0\0\0"), STATUS_RESOURCE_EXHAUSTED,
         "more than 0"},
	{"too much CREDIT", 4, FRAME_CREDIT, 0, 0, 0, REST("\x7f\xff\xff\xff"),
         STATUS_RESOURCE_EXHAUSTED, "at most 2147483647"},
	{"PING of 7 bytes", 7, FRAME_PING, 0, 0, 0, REST("1234567"), STATUS_INTERNAL, "8 bytes"},
	{"PING on a stream", 8, FRAME_PING, 0, 0, 1, REST("12345678"), STATUS_INTERNAL, "stream 0"},
	{"a second HELLO", 0, FRAME_HELLO, 0, 0, 0, REST(""), STATUS_INTERNAL, "twice"},
	{"ACK of no GOAWAY", 0, FRAME_GOAWAY, FRAME_GOAWAY_ACK, 0, 0, REST(""), STATUS_INTERNAL,
         "without a GOAWAY"},
	{"GOAWAY ACK and FINAL", 0, FRAME_GOAWAY, FRAME_GOAWAY_ACK | FRAME_GOAWAY_FINAL, 0, 0,
         REST(""), STATUS_INTERNAL, NULL},
	{"GOAWAY meta is no protobuf", 1, FRAME_GOAWAY, 0, 1, 0, REST("\xff"), STATUS_INTERNAL,
         "GOAWAY"},
};

static void say_fault(struct buffer *out, const struct fault *fault)
{
	uint8_t *at = buffer_reserve(out, FRAME_HEADER_SIZE + fault->rest_len);
	assert_non_null(at);
	struct writer writer = writer_init(at, FRAME_HEADER_SIZE + fault->rest_len);
	writer_u32(&writer, fault->length);
	writer_u8(&writer, fault->type);
	writer_u8(&writer, fault->flags);
	writer_u16(&writer, fault->meta_len);
	writer_u32(&writer, fault->stream);
	writer_bytes(&writer, fault->rest, fault->rest_len);
	out->end += FRAME_HEADER_SIZE + fault->rest_len;
}

static void test_malformed_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		print_message("%s\n", faults[i].name);
		struct talk one;
		talk_open(&one, server.address, NULL);
		say_fault(&one.out, &faults[i]);
		talk_send(&one);
		talk_expect_fault(&one, faults[i].code, faults[i].reason);
		talk_close(&one);
	}
}

/* Calls that were answered before are; the GOAWAY names the last one that was seen. */
static void test_fault_after_calls(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_CLOSE, "Echo", nothing());
	say_call(&talk.out, 5, FRAME_NOMSG, "Chat", nothing());
	talk_send(&talk);
	talk_expect_answer(&talk, 1, nothing());
	say_frame(&talk.out, 0x7f, 0, 0, nothing(), nothing());
	say_call(&talk.out, 7, FRAME_CLOSE, "Echo", nothing());
	talk_send(&talk);
	struct goaway_meta meta = talk_expect_goaway(&talk, FRAME_GOAWAY_FINAL);
	assert_int_equal(meta.last_stream, 5);
	talk_expect_closed(&talk);
}

static void test_streams_ascend(void **state)
{
	(void)state;
	say_call(&talk.out, 5, FRAME_CLOSE, "Echo", nothing());
	say_call(&talk.out, 3, FRAME_CLOSE, "Echo", nothing());
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_INTERNAL, "ascend; the last was 5");
}

static void test_stream_twice(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_INTERNAL, "the last was 1");
}

static void test_highest_stream(void **state)
{
	(void)state;
	assert_int_equal(talk_ask(&talk, FRAME_STREAM_MAX, "Echo", nothing()).len, 0);
}

static void test_message_after_close(void **state)
{
	(void)state;
	struct buffer body = {0};
	say_call(&talk.out, 1, FRAME_CLOSE, "Wait", numbers_message(&body, (uint64_t[]){60000}, 1));
	say_message(&talk.out, 1, 0, nothing());
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_INTERNAL, "MSG on stream 1 after its CLOSE");
	buffer_deinit(&body);
}

static void test_nomsg_within_a_message(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_MORE, "Collect", bytes_of("\x0a", 1));
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_INTERNAL, "NOMSG within a message");
}

static void test_path_redefined(void **state)
{
	(void)state;
	struct call_meta meta = {.path = echo_path("Echo"), .path_id = 1};
	say_call_meta(&talk.out, 1, FRAME_CLOSE, &meta, nothing());
	say_call_meta(&talk.out, 3, FRAME_CLOSE, &meta, nothing());
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_INTERNAL, "path_id 1 is defined already; the next is 2");
}

static void test_call_before_hello(void **state)
{
	(void)state;
	struct talk one;
	talk_dial(&one, server.address);
	say_preface(&one.out, 1, 1);
	say_call(&one.out, 1, FRAME_CLOSE, "Echo", nothing());
	talk_send(&one);
	talk_expect_greeting(&one);
	talk_expect_fault(&one, STATUS_INTERNAL, "must be HELLO, not CALL");
	talk_close(&one);
}

static void test_hello_is_no_protobuf(void **state)
{
	(void)state;
	struct talk one;
	talk_dial(&one, server.address);
	say_preface(&one.out, 1, 1);
	say_frame(&one.out, FRAME_HELLO, 0, 0, bytes_of("\xff", 1), nothing());
	talk_send(&one);
	talk_expect_greeting(&one);
	talk_expect_fault(&one, STATUS_INTERNAL, "HELLO");
	talk_close(&one);
}

static void test_long_token(void **state)
{
	(void)state;
	struct talk one;
	char token[LIMIT_TOKEN + 1];
	memset(token, 'x', sizeof(token));
	talk_dial(&one, server.address);
	say_preface(&one.out, 1, 1);
	say_hello(&one.out, &(struct hello){.token = bytes_of(token, sizeof(token))});
	talk_send(&one);
	talk_expect_greeting(&one);
	talk_expect_fault(&one, STATUS_INTERNAL, "at most 512 bytes");
	talk_close(&one);
}

static void test_token_with_zero(void **state)
{
	(void)state;
	struct talk one;
	talk_dial(&one, server.address);
	say_preface(&one.out, 1, 1);
	say_hello(&one.out, &(struct hello){.token = bytes_of("a\0b", 3)});
	talk_send(&one);
	talk_expect_greeting(&one);
	talk_expect_fault(&one, STATUS_INTERNAL, "zero");
	talk_close(&one);
}

static void expect_preface(struct talk *one)
{
	static const uint8_t preface[] = {0x8e, 'R', 'P', 'C', 1, 1, 0, 0};
	uint8_t got[sizeof(preface)];
	for (size_t len = 0; len < sizeof(got);) {
		ssize_t now = recv(one->fd, got + len, sizeof(got) - len, 0);
		assert_true(now > 0);
		len += (size_t)now;
	}
	assert_memory_equal(got, preface, sizeof(preface));
}

static void test_newer_version(void **state)
{
	(void)state;
	struct talk one;
	talk_dial(&one, server.address);
	say_preface(&one.out, 2, 7);
	talk_send(&one);
	expect_preface(&one);
	talk_expect_fault(&one, STATUS_UNIMPLEMENTED, "versions 2 to 7 are not spoken here");
	talk_close(&one);
}

static void test_version_range(void **state)
{
	(void)state;
	struct talk one;
	talk_dial(&one, server.address);
	say_preface(&one.out, 1, 200);
	say_hello(&one.out, &(struct hello){0});
	talk_send(&one);
	talk_expect_greeting(&one);
	assert_int_equal(talk_ask(&one, 1, "Echo", nothing()).len, 0);
	talk_close(&one);
}

static void test_malformed_prefaces(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[PREFACE_SIZE];
		const char *reason;
	} wrong[] = {
		{{0x8e, 'R', 'P', 'C', 0, 1, 0, 0}, "lowest version"},
		{{0x8e, 'R', 'P', 'C', 2, 1, 0, 0}, "highest version"},
		{{0x8e, 'R', 'P', 'C', 1, 1, 0, 9}, "zero"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct talk one;
		talk_dial(&one, server.address);
		talk_send_bytes(&one, wrong[i].bytes, PREFACE_SIZE);
		expect_preface(&one);
		talk_expect_fault(&one, STATUS_INTERNAL, wrong[i].reason);
		talk_close(&one);
	}
}

/* Random bytes after the greeting: whatever they are, the server says why or waits for more. */
static void test_noise(void **state)
{
	(void)state;
	uint64_t random = 42;
	for (int i = 0; i < 200; i++) {
		struct talk one;
		uint8_t noise[64];
		for (size_t at = 0; at < sizeof(noise); at++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			noise[at] = (uint8_t)(random >> 56);
		}
		noise[0] = noise[1] = 0; /* lengths that could be */
		talk_open(&one, server.address, NULL);
		talk_send_bytes(&one, noise, sizeof(noise));
		talk_close(&one);
	}
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_malformed_frames),
		TALK(test_fault_after_calls),
		TALK(test_streams_ascend),
		TALK(test_stream_twice),
		TALK(test_highest_stream),
		TALK(test_message_after_close),
		TALK(test_nomsg_within_a_message),
		TALK(test_path_redefined),
		TALK(test_call_before_hello),
		TALK(test_hello_is_no_protobuf),
		TALK(test_long_token),
		TALK(test_token_with_zero),
		TALK(test_newer_version),
		TALK(test_version_range),
		TALK(test_malformed_prefaces),
		TALK(test_noise),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
