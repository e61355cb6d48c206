/* PROTOCOL.md against the code: its limits, its defaults, its worked bytes. */
#include "proto/frame.h"
#include "tests/unit/proto/support.h"

static char *page;

static int page_read(void **state)
{
	(void)state;
	FILE *file = fopen(PROTOCOL_PAGE, "r");
	assert_non_null(file);
	struct buffer text = {0};
	for (;;) {
		uint8_t *room = buffer_reserve(&text, 65536);
		assert_non_null(room);
		size_t got = fread(room, 1, 65535, file);
		text.end += got;
		if (got == 0)
			break;
	}
	fclose(file);
	assert_true(buffer_append(&text, "", 1));
	page = (char *)text.data;
	return 0;
}

static int page_free(void **state)
{
	(void)state;
	free(page);
	return 0;
}

static void assert_on_page(const char *row)
{
	if (!strstr(page, row))
		fail_msg("PROTOCOL.md needs this row: %s", row);
}

static void every_limit_is_in_the_table(void **state)
{
	(void)state;
#define LIMIT(name, value, unit, abuse) \
	assert_on_page("\n| " #name " | " #value " " unit " | " abuse " |\n");
#include "proto/limits.def"
#undef LIMIT
}

static void every_status_is_in_the_table(void **state)
{
	(void)state;
#define STATUS(name, number, text) assert_on_page("\n| " #number " | " #name " | ");
#include "proto/status.def"
#undef STATUS
}

static void every_reason_is_in_the_table(void **state)
{
	(void)state;
#define REASON(name, status, text) assert_on_page("\n| " #name " | " #status " | " text " |\n");
#include "proto/reason.def"
#undef REASON
}

/* A row of HTTP/2's faults begins with the reason that the peer is told. */
static void fault_on_page(const char *reason, const char *code)
{
	char begins[128], holds[64];
	snprintf(begins, sizeof begins, "\n| %s", reason);
	snprintf(holds, sizeof holds, "| %s |", code);
	const char *row = strstr(page, begins);
	const char *found = row ? strstr(row + 1, holds) : NULL;
	if (!found || found > strchr(row + 1, '\n'))
		fail_msg("PROTOCOL.md needs a row that begins: | %s | %s |", reason, code);
}

static void every_fault_of_http2_is_in_the_table(void **state)
{
	(void)state;
#define FAULT(name, code, reason) fault_on_page(reason, #code);
#include "daemon/transport/http2/fault.def"
#undef FAULT
}

static void default_on_page(const char *name, uint32_t start, uint32_t most)
{
	char row[128];
	snprintf(row, sizeof row, "\n| %s | %u | %u |\n", name, start, most);
	assert_on_page(row);
}

static void hello_defaults_are_those_of_the_code(void **state)
{
	(void)state;
	const uint32_t all = UINT32_MAX;
	struct hello most = HELLO_START, start = HELLO_START;
	struct hello told = {.max_frame = all,
	                     .max_message = all,
	                     .max_meta = all,
	                     .max_streams = all,
	                     .stream_credit = all,
	                     .connection_credit = all,
	                     .max_interned = all,
	                     .min_ping_ms = all};
	hello_raise(&most, &told);
	default_on_page("max_frame", start.max_frame, most.max_frame);
	default_on_page("max_message", start.max_message, most.max_message);
	default_on_page("max_meta", start.max_meta, most.max_meta);
	default_on_page("max_streams", start.max_streams, most.max_streams);
	default_on_page("stream_credit", start.stream_credit, most.stream_credit);
	default_on_page("conn_credit", start.connection_credit, most.connection_credit);
	default_on_page("max_interned", start.max_interned, most.max_interned);
	default_on_page("min_ping_ms", start.min_ping_ms, most.min_ping_ms);
}

/* --- worked bytes -------------------------------------------------------------- */

/* The bytes of the line that starts with `name`. */
static struct hex worked(const char *name)
{
	char start[64];
	snprintf(start, sizeof start, "\n%-23s", name);
	const char *line = strstr(page, start);
	if (!line)
		fail_msg("PROTOCOL.md has no worked bytes of \"%s\"", name);
	line += strlen(start);
	char text[512];
	size_t len = strcspn(line, "\n");
	assert_true(len < sizeof text);
	memcpy(text, line, len);
	text[len] = '\0';
	return hex(text);
}

static void assert_worked(const char *name, const struct writer *writer, const uint8_t *start)
{
	struct hex expected = worked(name);
	assert_false(writer->failed);
	assert_int_equal(writer->at - start, expected.len);
	assert_memory_equal(start, expected.data, expected.len);
}

static struct frame worked_frame(const struct hex *bytes)
{
	struct frame frame;
	size_t consumed, needed;
	const char *reason = "incomplete";
	if (frame_decode(hex_bytes(bytes), LIMIT_FRAME_START, &frame, &consumed, &needed,
	                 &reason) != DECODE_OK)
		fail_msg("%s", reason);
	assert_int_equal(consumed, bytes->len);
	return frame;
}

static void the_preface(void **state)
{
	(void)state;
	uint8_t out[PREFACE_SIZE], min, max;
	preface_write(out, FRAME_VERSION, FRAME_VERSION);
	struct hex expected = worked("preface");
	assert_int_equal(expected.len, PREFACE_SIZE);
	assert_memory_equal(out, expected.data, PREFACE_SIZE);
	const char *reason;
	assert_int_equal(preface_decode(hex_bytes(&expected), &min, &max, &reason), DECODE_OK);
}

static void a_hello(void **state)
{
	(void)state;
	struct hello hello = {.max_frame = 65536,
	                      .max_message = 4194304,
	                      .max_streams = 1000,
	                      .stream_credit = 262144,
	                      .connection_credit = 4194304,
	                      .max_interned = 256,
	                      .agent = bytes_of_string("x/0.1")};
	uint8_t out[128];
	struct writer writer = writer_init(out, sizeof out);
	frame_header_write(&writer, FRAME_HELLO, 0, 0, hello_size(&hello), 0);
	hello_write(&writer, &hello);
	assert_worked("hello", &writer, out);
	struct hex bytes = worked("hello");
	struct hello back;
	const char *reason;
	assert_true(hello_decode(worked_frame(&bytes).meta, &back, &reason));
	assert_int_equal(back.connection_credit, 4194304);
	assert_bytes(back.agent, "x/0.1");
}

static void check_call(const char *name, uint32_t stream, const struct call_meta *meta,
                       const struct metadata *metadata, size_t count, const char *request)
{
	uint8_t out[256];
	struct writer writer = writer_init(out, sizeof out);
	size_t body = 2 + strlen(request);
	frame_header_write(&writer, FRAME_CALL, FRAME_CLOSE, stream,
	                   call_meta_size(meta, metadata, count), body);
	call_meta_write(&writer, meta, metadata, count);
	writer_u8(&writer, 0x0a);
	writer_u8(&writer, (uint8_t)strlen(request));
	writer_bytes(&writer, request, strlen(request));
	assert_worked(name, &writer, out);

	struct hex bytes = worked(name);
	struct frame frame = worked_frame(&bytes);
	struct call_meta back;
	const char *reason;
	assert_true(call_meta_decode(frame.meta, &back, &reason));
	assert_int_equal(frame.stream, stream);
	assert_true(bytes_equal(back.path, meta->path));
	assert_int_equal(back.path_id, meta->path_id);
	assert_int_equal(back.has_timeout, meta->has_timeout);
	assert_true(back.timeout_us == meta->timeout_us);
	assert_int_equal(back.entries, count);
	assert_int_equal(frame.body.len, body);
}

static void calls(void **state)
{
	(void)state;
	struct call_meta meta = {.path = bytes_of_string("/acme.kv.v1.Store/Get"),
	                         .path_id = 1,
	                         .has_timeout = true,
	                         .timeout_us = 250000};
	check_call("call path and id", 1, &meta, NULL, 0, "hello");
	meta.path = (struct bytes){0};
	check_call("call id only", 3, &meta, NULL, 0, "world");
	struct metadata actor = {bytes_of_string("x-prism-actor"), bytes_of_string("7")};
	check_call("call metadata", 5, &(struct call_meta){.path_id = 1}, &actor, 1, "hello");
	struct hex bytes = worked("call metadata");
	assert_bytes(metadata_find(worked_frame(&bytes).meta, METADATA_IN_CALL, "x-prism-actor"),
	             "7");
}

static void check_end(const char *name, uint32_t stream, uint8_t flags, const struct end_meta *meta,
                      const char *body)
{
	uint8_t out[128];
	struct writer writer = writer_init(out, sizeof out);
	frame_header_write(&writer, FRAME_END, flags, stream, end_meta_size(meta, NULL, 0, NULL, 0),
	                   strlen(body));
	end_meta_write(&writer, meta, NULL, 0, NULL, 0);
	writer_bytes(&writer, body, strlen(body));
	assert_worked(name, &writer, out);
	struct hex bytes = worked(name);
	struct end_meta back;
	const char *reason;
	assert_true(end_meta_decode(worked_frame(&bytes).meta, &back, &reason));
	assert_int_equal(back.code, meta->code);
	assert_int_equal(back.retry, meta->retry);
	assert_true(bytes_equal(back.message, meta->message));
}

static void ends(void **state)
{
	(void)state;
	check_end("end ok", 1, 0, &(struct end_meta){0}, "\n\3abc");
	check_end("end not found", 3, FRAME_NOMSG,
	          &(struct end_meta){.code = STATUS_NOT_FOUND,
	                             .message = bytes_of_string("no such key")},
	          "");
	check_end("end safe to retry", 7, FRAME_NOMSG,
	          &(struct end_meta){.code = STATUS_UNAVAILABLE, .retry = RETRY_SAFE}, "");
}

static void credit_cancel_and_ping(void **state)
{
	(void)state;
	uint8_t out[64];
	struct writer writer = writer_init(out, sizeof out);
	frame_header_write(&writer, FRAME_CREDIT, 0, 0, 0, 4);
	writer_u32(&writer, 65536);
	assert_worked("credit connection", &writer, out);
	struct hex bytes = worked("credit connection");
	assert_int_equal(worked_frame(&bytes).type, FRAME_CREDIT);

	struct cancel_meta cancel = {.code = STATUS_CANCELLED}, back;
	writer = writer_init(out, sizeof out);
	frame_header_write(&writer, FRAME_CANCEL, 0, 5, cancel_meta_size(&cancel), 0);
	cancel_meta_write(&writer, &cancel);
	assert_worked("cancel", &writer, out);
	const char *reason;
	bytes = worked("cancel");
	assert_true(cancel_meta_decode(worked_frame(&bytes).meta, &back, &reason));

	writer = writer_init(out, sizeof out);
	frame_header_write(&writer, FRAME_PING, 0, 0, 0, 8);
	writer_bytes(&writer, "\1\2\3\4\5\6\7\10", 8);
	assert_worked("ping", &writer, out);
	bytes = worked("ping");
	assert_int_equal(worked_frame(&bytes).body.len, 8);
}

static void goaways(void **state)
{
	(void)state;
	uint8_t out[64];
	struct goaway_meta drain = {.last_stream = FRAME_STREAM_MAX, .code = STATUS_UNAVAILABLE},
			   back;
	struct writer writer = writer_init(out, sizeof out);
	frame_header_write(&writer, FRAME_GOAWAY, 0, 0, goaway_meta_size(&drain), 0);
	goaway_meta_write(&writer, &drain);
	assert_worked("goaway drain", &writer, out);
	const char *reason;
	struct hex bytes = worked("goaway drain");
	assert_true(goaway_meta_decode(worked_frame(&bytes).meta, &back, &reason));
	assert_int_equal(back.last_stream, FRAME_STREAM_MAX);

	writer = writer_init(out, sizeof out);
	frame_header_write(&writer, FRAME_GOAWAY, FRAME_GOAWAY_ACK, 0, 0, 0);
	assert_worked("goaway ack", &writer, out);
	bytes = worked("goaway ack");
	assert_int_equal(worked_frame(&bytes).flags, FRAME_GOAWAY_ACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_is_in_the_table),
		cmocka_unit_test(every_status_is_in_the_table),
		cmocka_unit_test(every_reason_is_in_the_table),
		cmocka_unit_test(every_fault_of_http2_is_in_the_table),
		cmocka_unit_test(hello_defaults_are_those_of_the_code),
		cmocka_unit_test(the_preface),
		cmocka_unit_test(a_hello),
		cmocka_unit_test(calls),
		cmocka_unit_test(ends),
		cmocka_unit_test(credit_cancel_and_ping),
		cmocka_unit_test(goaways),
	};
	return cmocka_run_group_tests(tests, page_read, page_free);
}
