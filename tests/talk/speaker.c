#include "tests/talk/speaker.h"
#include "proto/grpc_prefix.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static void tell_answer(struct told *told, struct bytes answer)
{
	uint32_t len = (uint32_t)answer.len;
	assert_true(buffer_append(&told->answers, &len, sizeof(len)));
	assert_true(buffer_append(&told->answers, answer.data, answer.len));
	told->count++;
}

struct bytes told_answer(const struct told *told, size_t number)
{
	const uint8_t *at = told->answers.data;
	uint32_t len;
	assert_true(number < told->count);
	for (;; at += sizeof(len) + len) {
		memcpy(&len, at, sizeof(len));
		if (number-- == 0)
			return bytes_of(at + sizeof(len), len);
	}
}

void told_free(struct told *told)
{
	buffer_deinit(&told->answers);
}

/* --- the native framing --------------------------------------------------------------- */

static struct talk talk;

static void native_open(void)
{
	talk_open(&talk, server.address, NULL);
}

static void native_close(void)
{
	talk_close(&talk);
}

static void native_ask(uint32_t stream, const struct asked *asked)
{
	const struct call_meta meta = {.path = echo_path(asked->method),
	                               .has_timeout = asked->timeout_ms > 0,
	                               .timeout_us = asked->timeout_ms * UINT64_C(1000)};
	uint8_t first = (uint8_t)((asked->count == 0 ? FRAME_NOMSG : 0) |
	                          (asked->count <= 1 ? FRAME_CLOSE : 0));
	say_call_meta(&talk.out, stream, first, &meta,
	              asked->count > 0 ? asked->messages[0] : nothing());
	for (size_t i = 1; i < asked->count; i++)
		say_message(&talk.out, stream, i + 1 == asked->count ? FRAME_CLOSE : 0,
		            asked->messages[i]);
	talk_send(&talk);
}

static void native_hear(uint32_t stream, struct told *told)
{
	struct end_meta end = {.code = STATUS_OK};
	const char *reason;
	struct frame frame;
	do {
		frame = talk_next(&talk);
		bool is_message = frame.type == FRAME_MSG || frame.type == FRAME_END;
		if (frame.stream == stream && is_message && !(frame.flags & FRAME_NOMSG))
			tell_answer(told, frame.body);
	} while (frame.stream != stream || frame.type != FRAME_END);
	assert_true(end_meta_decode(frame.meta, &end, &reason));
	told->status = end.code;
	snprintf(told->message, sizeof(told->message), "%.*s", (int)end.message.len,
	         end.message.data ? (const char *)end.message.data : "");
}

static void native_cancel(uint32_t stream)
{
	say_cancel(&talk.out, stream, STATUS_CANCELLED);
	talk_send(&talk);
}

/* --- gRPC ------------------------------------------------------------------------------ */

static struct h2 h2;

static void http2_open(void)
{
	h2_open(&h2, server.address);
}

static void http2_close(void)
{
	h2_close(&h2);
}

static void http2_cancel(uint32_t stream)
{
	h2_say_number(&h2, NGHTTP2_RST_STREAM, stream, NGHTTP2_CANCEL);
	h2_send(&h2);
}

static void say_messages(uint32_t stream, const struct asked *asked)
{
	for (size_t i = 0; i < asked->count; i++)
		h2_say_message(&h2, i + 1 == asked->count ? H2_END_STREAM : 0, stream,
		               asked->messages[i]);
	if (asked->count == 0)
		h2_say(&h2, NGHTTP2_DATA, H2_END_STREAM, stream, nothing());
	h2_send(&h2);
}

static void grpc_ask(uint32_t stream, const struct asked *asked)
{
	char timeout[16];
	snprintf(timeout, sizeof(timeout), "%um", asked->timeout_ms);
	const struct h2_field more[] = {{asked->timeout_ms > 0 ? "grpc-timeout" : NULL, timeout},
	                                {NULL, NULL}};
	h2_say_request(&h2, stream, asked->method, more);
	say_messages(stream, asked);
}

static void grpc_hear(uint32_t stream, struct told *told)
{
	struct h2_answer answer;
	h2_answer(&h2, stream, &answer);
	assert_false(answer.reset);
	struct reader reader = reader_init(buffer_bytes(&answer.body));
	while (reader_left(&reader) > 0) {
		assert_int_equal(reader_u8(&reader), 0);
		struct bytes message = reader_bytes(&reader, reader_u32(&reader));
		assert_false(reader.failed);
		tell_answer(told, message);
	}
	told->status = status_from_number(
		(uint32_t)strtoul(h2_answer_field(&answer, "grpc-status"), NULL, 10));
	snprintf(told->message, sizeof(told->message), "%s",
	         h2_answer_field(&answer, "grpc-message"));
	h2_answer_free(&answer);
}

/* --- Connect: unary calls, whose failures are JSON -------------------------------------- */

static void connect_say_head(uint32_t stream, const struct asked *asked, const char *type)
{
	char timeout[16];
	snprintf(timeout, sizeof(timeout), "%u", asked->timeout_ms);
	const struct h2_field fields[] = {
		{":method", "POST"},
		{":scheme", "http"},
		{":path", (const char *)echo_path(asked->method).data},
		{":authority", "test"},
		{"content-type", type},
		{asked->timeout_ms > 0 ? "connect-timeout-ms" : NULL, timeout},
		{NULL, NULL},
	};
	h2_say_headers(&h2, 0, stream, fields);
}

static void connect_ask(uint32_t stream, const struct asked *asked)
{
	assert_int_equal(asked->count, 1);
	connect_say_head(stream, asked, "application/proto");
	h2_say(&h2, NGHTTP2_DATA, H2_END_STREAM, stream, asked->messages[0]);
	h2_send(&h2);
}

static enum status status_of(const char *code)
{
	for (int status = STATUS_OK; status < STATUS_COUNT; status++)
		if (strcasecmp(status_name((enum status)status), code) == 0)
			return (enum status)status;
	assert_string_equal(code, "canceled");
	return STATUS_CANCELLED;
}

static json_t *read_json(struct bytes text)
{
	json_error_t error;
	json_t *value = json_loadb((const char *)text.data, text.len, 0, &error);
	assert_non_null(value);
	return value;
}

static void read_failure(const json_t *failure, struct told *told)
{
	const char *code = json_string_value(json_object_get(failure, "code"));
	const char *message = json_string_value(json_object_get(failure, "message"));
	assert_non_null(code);
	told->status = status_of(code);
	snprintf(told->message, sizeof(told->message), "%s", message ? message : "");
}

static void connect_hear(uint32_t stream, struct told *told)
{
	struct h2_answer answer;
	h2_answer(&h2, stream, &answer);
	assert_false(answer.reset);
	if (strcmp(h2_answer_field(&answer, ":status"), "200") == 0) {
		tell_answer(told, buffer_bytes(&answer.body));
	} else {
		json_t *failure = read_json(buffer_bytes(&answer.body));
		read_failure(failure, told);
		json_decref(failure);
	}
	h2_answer_free(&answer);
}

/* --- Connect: streams, whose last message says how they ended ---------------------------- */

static void connect_stream_ask(uint32_t stream, const struct asked *asked)
{
	connect_say_head(stream, asked, "application/connect+proto");
	say_messages(stream, asked);
}

static void read_end(struct bytes text, struct told *told)
{
	json_t *end = read_json(text);
	const json_t *error = json_object_get(end, "error");
	if (error)
		read_failure(error, told);
	json_decref(end);
}

static void connect_stream_hear(uint32_t stream, struct told *told)
{
	struct h2_answer answer;
	uint8_t flag;
	h2_answer(&h2, stream, &answer);
	assert_false(answer.reset);
	assert_string_equal(h2_answer_field(&answer, ":status"), "200");
	struct reader reader = reader_init(buffer_bytes(&answer.body));
	do {
		flag = reader_u8(&reader);
		struct bytes message = reader_bytes(&reader, reader_u32(&reader));
		assert_false(reader.failed);
		if (flag == CONNECT_FLAG_END)
			read_end(message, told);
		else
			tell_answer(told, message);
	} while (flag != CONNECT_FLAG_END);
	assert_int_equal(reader_left(&reader), 0);
	h2_answer_free(&answer);
}

const struct speaker speakers[] = {
	{"native", true, STATUS_INTERNAL, native_open, native_close, native_ask, native_hear,
         native_cancel},
	{"gRPC", true, STATUS_INTERNAL, http2_open, http2_close, grpc_ask, grpc_hear, http2_cancel},
	{"Connect", false, STATUS_INVALID_ARGUMENT, http2_open, http2_close, connect_ask,
         connect_hear, http2_cancel},
	{"Connect's streams", true, STATUS_INVALID_ARGUMENT, http2_open, http2_close,
         connect_stream_ask, connect_stream_hear, http2_cancel},
};
const size_t speaker_count = sizeof(speakers) / sizeof(*speakers);
