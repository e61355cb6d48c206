/* The other meta blocks, held against what protobuf-c makes of proto/prism/wire/v1/frame.proto, and
 * what holds for all of them. */
#include "prism/wire/v1/frame.pb-c.h"
#include "tests/unit/proto/meta_support.h"

/* --- HELLO ------------------------------------------------------------------- */

static struct hello hello_full(void)
{
	return (struct hello){
		.max_frame = 1 << 20,
		.max_message = 5,
		.max_meta = 9000,
		.max_streams = 1000,
		.stream_credit = 1 << 18,
		.connection_credit = UINT32_MAX,
		.max_interned = 256,
		.min_ping_ms = 10,
		.codecs = 1 | 2 | 1U << 31,
		.agent = bytes_of_string("x/0.1"),
		.token = bytes_of_string("prk_1"),
		.node = bytes_of_string("n\xc3\xb6"),
		.features = UINT64_MAX,
		.boot_id = 77,
	};
}

static void assert_hello(const struct hello *got, const struct hello *expected)
{
	assert_int_equal(got->max_frame, expected->max_frame);
	assert_int_equal(got->max_message, expected->max_message);
	assert_int_equal(got->max_meta, expected->max_meta);
	assert_int_equal(got->max_streams, expected->max_streams);
	assert_int_equal(got->stream_credit, expected->stream_credit);
	assert_int_equal(got->connection_credit, expected->connection_credit);
	assert_int_equal(got->max_interned, expected->max_interned);
	assert_int_equal(got->min_ping_ms, expected->min_ping_ms);
	assert_int_equal(got->codecs, expected->codecs);
	assert_true(bytes_equal(got->agent, expected->agent));
	assert_true(bytes_equal(got->token, expected->token));
	assert_true(bytes_equal(got->node, expected->node));
	assert_true(got->features == expected->features);
	assert_true(got->boot_id == expected->boot_id);
}

static void hello_round_trips_and_protobuf_reads_it(void **state)
{
	(void)state;
	struct hello hello = hello_full(), back;
	const char *reason;
	size_t size = hello_size(&hello);
	struct writer writer = writer_init(block, size);
	hello_write(&writer, &hello);
	assert_false(writer.failed);
	assert_ptr_equal(writer.at, block + size);
	assert_true(hello_decode(bytes_of(block, size), &back, &reason));
	assert_hello(&back, &hello);
	cut_everywhere(decode_hello, bytes_of(block, size));

	Prism__Wire__V1__Hello *read = prism__wire__v1__hello__unpack(NULL, size, block);
	assert_non_null(read);
	assert_int_equal(read->conn_credit, UINT32_MAX);
	assert_int_equal(read->n_codecs, 3);
	assert_int_equal(read->codecs[2], 31);
	assert_string_equal(read->agent, "x/0.1");
	assert_binary(read->token, "prk_1");
	assert_true(read->features == UINT64_MAX);
	prism__wire__v1__hello__free_unpacked(read, NULL);
}

static void hello_from_a_protobuf_library_is_read(void **state)
{
	(void)state;
	Prism__Wire__V1__Hello hello = PRISM__WIRE__V1__HELLO__INIT;
	uint32_t codecs[] = {0, 1, 31, 32, 4000000000};
	hello.max_frame = 70000;
	hello.n_codecs = 5;
	hello.codecs = codecs;
	hello.token = binary("t");
	hello.lease_ms = 1234;
	struct hello got;
	const char *reason;
	assert_true(hello_decode(packed(&hello), &got, &reason));
	assert_int_equal(got.max_frame, 70000);
	assert_int_equal(got.codecs, 1 | 2 | 1U << 31);
	assert_bytes(got.token, "t");
	assert_int_equal(got.max_streams, 0);
}

static void an_empty_hello_is_one(void **state)
{
	(void)state;
	struct hello got, none = {0};
	const char *reason;
	assert_true(hello_decode((struct bytes){0}, &got, &reason));
	assert_hello(&got, &none);
	assert_int_equal(hello_size(&none), 0);
}

static void codecs_come_unpacked_too(void **state)
{
	(void)state;
	struct hex bytes = hex("40 00 40 01 42 02 02 03");
	struct hello got;
	const char *reason;
	assert_true(hello_decode(hex_bytes(&bytes), &got, &reason));
	assert_int_equal(got.codecs, 0x0f);
}

static void a_token_has_a_limit(void **state)
{
	(void)state;
	for (size_t len = LIMIT_TOKEN - 1; len <= LIMIT_TOKEN + 1; len++) {
		struct hello hello = {.token = bytes_of(block + 4096, len)}, back;
		struct writer writer = writer_init(block, 4096);
		hello_write(&writer, &hello);
		const char *reason = "";
		bool good = hello_decode(bytes_of(block, hello_size(&hello)), &back, &reason);
		assert_int_equal(good, len <= LIMIT_TOKEN);
		if (!good)
			assert_non_null(strstr(reason, "512"));
	}
}

static void hello_only_raises(void **state)
{
	(void)state;
	struct hello limits = HELLO_START, none = {0};
	hello_raise(&limits, &none);
	assert_hello(&limits, &(struct hello){.max_frame = 65536,
	                                      .max_message = 4194304,
	                                      .max_meta = 8192,
	                                      .max_streams = 100,
	                                      .stream_credit = 65536,
	                                      .connection_credit = 1048576,
	                                      .max_interned = 64,
	                                      .min_ping_ms = 1000,
	                                      .codecs = 1});
	struct hello told = {.max_frame = 65535,
	                     .max_message = 5000000,
	                     .max_streams = 101,
	                     .connection_credit = UINT32_MAX,
	                     .codecs = 2,
	                     .features = 4,
	                     .boot_id = 9,
	                     .max_meta = 70000,
	                     .agent = bytes_of_string("a")};
	hello_raise(&limits, &told);
	assert_int_equal(limits.max_frame, 65536);
	assert_int_equal(limits.max_message, 5000000);
	assert_int_equal(limits.max_streams, 101);
	assert_int_equal(limits.connection_credit, INT32_MAX);
	assert_int_equal(limits.max_meta, 65535);
	assert_int_equal(limits.codecs, 3);
	assert_true(limits.features == 4 && limits.boot_id == 9);
	assert_int_equal(limits.agent.len, 0);
	told.max_frame = UINT32_MAX;
	hello_raise(&limits, &told);
	assert_int_equal(limits.max_frame, LIMIT_FRAME_MAX);
}

/* --- HEAD and END ---------------------------------------------------------------- */

static void head_meta_round_trips(void **state)
{
	(void)state;
	struct head_meta meta = {.codec = 1}, back;
	struct metadata metadata[] = {pair("server", "prismd")};
	size_t size = head_meta_size(&meta, metadata, 1);
	struct writer writer = writer_init(block, size);
	head_meta_write(&writer, &meta, metadata, 1);
	assert_false(writer.failed);
	const char *reason;
	assert_true(head_meta_decode(bytes_of(block, size), &back, &reason));
	assert_int_equal(back.codec, 1);
	assert_bytes(metadata_find(back.block, METADATA_IN_HEAD, "server"), "prismd");
	cut_everywhere(decode_head, bytes_of(block, size));
}

static void end_meta_round_trips_and_protobuf_reads_it(void **state)
{
	(void)state;
	struct bytes details[] = {bytes_of_string("one"), {0}, bytes_of_string("three")};
	struct metadata trailing[] = {pair("a", "1"), pair("prism-outcome", "unknown")};
	struct hex head = hex("0a 06 0a 01 68 12 01 31");
	struct end_meta meta =
				{
					.code = STATUS_UNAVAILABLE,
					.message = bytes_of_string("caf\xc3\xa9"),
					.retry = RETRY_NEVER,
					.pushback_ms = 100,
					.server_us = 3000000000,
					.head = hex_bytes(&head),
				},
			back;
	size_t size = end_meta_size(&meta, details, 3, trailing, 2);
	struct writer writer = writer_init(block, size);
	end_meta_write(&writer, &meta, details, 3, trailing, 2);
	assert_false(writer.failed);
	assert_ptr_equal(writer.at, block + size);
	const char *reason;
	assert_true(end_meta_decode(bytes_of(block, size), &back, &reason));
	assert_int_equal(back.code, STATUS_UNAVAILABLE);
	assert_bytes(back.message, "caf\xc3\xa9");
	assert_int_equal(back.retry, RETRY_NEVER);
	assert_int_equal(back.pushback_ms, 100);
	assert_true(back.server_us == 3000000000);
	assert_int_equal(back.details, 3);
	assert_bytes(metadata_find(back.block, METADATA_IN_END, "prism-outcome"), "unknown");
	struct head_meta embedded;
	assert_true(head_meta_decode(back.head, &embedded, &reason));
	assert_bytes(metadata_find(embedded.block, METADATA_IN_HEAD, "h"), "1");

	struct reader walk = reader_init(bytes_of(block, size));
	struct bytes any;
	for (size_t i = 0; i < 3; i++) {
		assert_true(end_meta_next_detail(&walk, &any));
		assert_true(bytes_equal(any, details[i]));
	}
	assert_false(end_meta_next_detail(&walk, &any));
	cut_everywhere(decode_end, bytes_of(block, size));

	Prism__Wire__V1__EndMeta *read = prism__wire__v1__end_meta__unpack(NULL, size, block);
	assert_non_null(read);
	assert_int_equal(read->n_details, 3);
	assert_binary(read->details[2], "three");
	assert_int_equal(read->retry, 2);
	assert_string_equal(read->head->md[0]->k, "h");
	assert_int_equal(read->n_trailing, 2);
	prism__wire__v1__end_meta__free_unpacked(read, NULL);
}

static void an_empty_end_is_ok(void **state)
{
	(void)state;
	struct end_meta got, ok = {0};
	const char *reason;
	assert_int_equal(end_meta_size(&ok, NULL, 0, NULL, 0), 0);
	assert_true(end_meta_decode((struct bytes){0}, &got, &reason));
	assert_int_equal(got.code, STATUS_OK);
	assert_int_equal(got.retry, RETRY_UNSET);
}

static void numbers_of_a_later_version_read_as_unknown_or_unset(void **state)
{
	(void)state;
	struct hex bytes = hex("08 11 28 03");
	struct end_meta got;
	const char *reason;
	assert_true(end_meta_decode(hex_bytes(&bytes), &got, &reason));
	assert_int_equal(got.code, STATUS_UNKNOWN);
	assert_int_equal(got.retry, RETRY_UNSET);
}

static void the_embedded_head_is_checked(void **state)
{
	(void)state;
	assert_taken(decode_end, "3a 00");
	assert_refused(decode_end, "3a 01 0a", "EndMeta.head");
	assert_refused(decode_end, "3a 05 0a 03 0a 01 41", "EndMeta.head");
}

/* --- CANCEL and GOAWAY -------------------------------------------------------------- */

static void cancel_meta_round_trips(void **state)
{
	(void)state;
	struct cancel_meta meta = {STATUS_DEADLINE_EXCEEDED, bytes_of_string("late")}, back;
	size_t size = cancel_meta_size(&meta);
	struct writer writer = writer_init(block, size);
	cancel_meta_write(&writer, &meta);
	assert_false(writer.failed);
	const char *reason;
	assert_true(cancel_meta_decode(bytes_of(block, size), &back, &reason));
	assert_int_equal(back.code, STATUS_DEADLINE_EXCEEDED);
	assert_bytes(back.reason, "late");
	cut_everywhere(decode_cancel, bytes_of(block, size));
}

static void cancel_is_by_the_caller_or_by_the_deadline(void **state)
{
	(void)state;
	struct cancel_meta got;
	const char *reason;
	assert_true(cancel_meta_decode((struct bytes){0}, &got, &reason));
	assert_int_equal(got.code, STATUS_CANCELLED);
	assert_taken(decode_cancel, "08 01");
	assert_taken(decode_cancel, "08 04");
	assert_refused(decode_cancel, "08 02", "CancelMeta.code");
	assert_refused(decode_cancel, "08 63", "CancelMeta.code");
}

static void goaway_meta_round_trips(void **state)
{
	(void)state;
	struct goaway_meta meta = {FRAME_STREAM_MAX, STATUS_UNAVAILABLE, bytes_of_string("bye"),
	                           500};
	struct goaway_meta back;
	size_t size = goaway_meta_size(&meta);
	struct writer writer = writer_init(block, size);
	goaway_meta_write(&writer, &meta);
	assert_false(writer.failed);
	const char *reason;
	assert_true(goaway_meta_decode(bytes_of(block, size), &back, &reason));
	assert_int_equal(back.last_stream, FRAME_STREAM_MAX);
	assert_int_equal(back.code, STATUS_UNAVAILABLE);
	assert_bytes(back.reason, "bye");
	assert_int_equal(back.retry_after_ms, 500);
	assert_refused(decode_goaway, "08 80 80 80 80 08", "last_stream");
	cut_everywhere(decode_goaway, bytes_of(block, size));
}

/* --- what holds for every block ------------------------------------------------------- */

static void fields_that_are_not_repeated_come_once(void **state)
{
	(void)state;
	static const struct {
		decoder *decode;
		const char *meta, *name;
	} twice[] = {
		{decode_hello, "08 01 08 01", "Hello.max_frame"},
		{decode_hello, "52 00 52 00", "Hello.agent"},
		{decode_hello, "70 01 70 01", "Hello.boot_id"},
		{decode_call, "0a 01 2f 0a 01 2f", "CallMeta.path"},
		{decode_call, "10 01 10 02", "CallMeta.path_id"},
		{decode_call, "10 01 18 00 18 00", "CallMeta.timeout_us"},
		{decode_call, "10 01 58 00 58 00", "CallMeta.attachment_len"},
		{decode_head, "10 00 10 00", "HeadMeta.codec"},
		{decode_end, "08 05 08 05", "EndMeta.code"},
		{decode_end, "3a 00 3a 00", "EndMeta.head"},
		{decode_cancel, "08 01 08 01", "CancelMeta.code"},
		{decode_goaway, "1a 00 1a 00", "GoawayMeta.reason"},
	};
	for (size_t i = 0; i < sizeof twice / sizeof *twice; i++) {
		assert_refused(twice[i].decode, twice[i].meta, twice[i].name);
		assert_refused(twice[i].decode, twice[i].meta, "twice");
	}
}

static void known_fields_have_their_wire_type(void **state)
{
	(void)state;
	assert_refused(decode_hello, "0a 01 31", "wrong wire type");
	assert_refused(decode_hello, "50 01", "wrong wire type");
	assert_refused(decode_hello, "45 01 00 00 00", "wrong wire type");
	assert_refused(decode_call, "08 01", "wrong wire type");
	assert_refused(decode_call, "11 01 00 00 00 00 00 00 00", "wrong wire type");
	assert_refused(decode_call, "10 01 1a 00", "wrong wire type");
	assert_refused(decode_call, "10 01 30 00", "wrong wire type");
	assert_refused(decode_end, "18 00", "wrong wire type");
	assert_refused(decode_end, "38 00", "wrong wire type");
	assert_refused(decode_head, "08 00", "wrong wire type");
	assert_refused(decode_goaway, "0a 00", "wrong wire type");
}

static void numbers_and_texts_are_what_they_must_be(void **state)
{
	(void)state;
	assert_refused(decode_hello, "08 80 80 80 80 10", "2^32");
	assert_taken(decode_hello, "08 ff ff ff ff 0f");
	assert_refused(decode_hello, "52 01 ff", "UTF-8");
	assert_refused(decode_hello, "42 01 80", "Hello.codecs");
	assert_refused(decode_call, "0a 01 1f", "printable");
	assert_refused(decode_call, "0a 01 7f", "printable");
	assert_taken(decode_call, "0a 01 7e");
	assert_refused(decode_call, "10 01 2a 01 80", "CallMeta.tracestate");
	assert_refused(decode_call, "10 01 42 01 0a", "CallMeta.authority");
	assert_refused(decode_end, "12 02 c0 80", "EndMeta.message");
	assert_refused(decode_end, "08 80 80 80 80 10", "EndMeta.code");
	assert_refused(decode_cancel, "08 01 12 01 80", "CancelMeta.reason");
}

static void unknown_fields_of_every_wire_type_are_skipped(void **state)
{
	(void)state;
	static const char *const unknown[] = {
		"98 06 ff ff ff ff ff ff ff ff ff 01",
		"99 06 01 02 03 04 05 06 07 08",
		"9a 06 03 61 62 63",
		"9d 06 01 02 03 04",
		"f8 ff ff ff 0f 01",
	};
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		for (size_t d = 0; d < DECODERS; d++) {
			char text[128];
			snprintf(text, sizeof text, "%s %s", unknown[i],
			         decoders[d] == decode_call ? "10 01" : "");
			assert_taken(decoders[d], text);
		}
	}
}

static void what_is_no_protobuf_is_refused_everywhere(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"98",
		"98 06",
		"98 06 80",
		"99 06 01 02 03 04 05 06 07",
		"9a 06 03 61 62",
		"9a 06 ff ff ff ff ff ff ff ff ff 01",
		"9d 06 01 02 03",
		"9b 06",
		"9c 06",
		"9e 06 01",
		"9f 06 01",
		"00 01",
		"02 00",
		"80 80 80 80 10 01",
		"ff ff ff ff ff ff ff ff ff 01 01",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		for (size_t d = 0; d < DECODERS; d++)
			assert_refused(decoders[d], bad[i], "no well-formed protobuf");
	}
}

static void a_refused_block_leaves_its_struct_alone(void **state)
{
	(void)state;
	struct hex bytes = hex("08 05 12 01 ff");
	struct end_meta end = {.code = STATUS_ABORTED};
	const char *reason;
	assert_false(end_meta_decode(hex_bytes(&bytes), &end, &reason));
	assert_int_equal(end.code, STATUS_ABORTED);
}

static void random_blocks_never_crash_and_entries_can_be_walked(void **state)
{
	(void)state;
	static const char *const seeds[] = {
		"0a 01 2f 10 01 18 05 32 06 0a 01 61 12 01 31 42 01 68 48 01 60 03",
		"08 05 12 02 61 62 1a 01 63 22 06 0a 01 61 12 01 31 28 01 3a 08 0a 06 0a 01 61 12 "
		"01 31",
	};
	uint64_t seed = 11;
	size_t taken = 0;
	for (int round = 0; round < 100000; round++) {
		struct hex bytes = hex(seeds[round % 2]);
		for (size_t i = random_below(&seed, 4); i > 0; i--)
			bytes.data[random_below(&seed, bytes.len)] = (uint8_t)random_next(&seed);
		uint8_t *copy = exact_copy(hex_bytes(&bytes));
		struct bytes meta = bytes_of(copy, random_below(&seed, bytes.len + 1));
		for (size_t d = 0; d < DECODERS; d++) {
			const char *reason = NULL;
			if (!decoders[d](meta, &reason))
				assert_non_null(reason);
		}
		struct call_meta call;
		const char *reason;
		if (call_meta_decode(meta, &call, &reason)) {
			struct metadata_walk walk = {reader_init(call.block), METADATA_IN_CALL};
			struct metadata entry;
			uint32_t entries = 0;
			while (metadata_next(&walk, &entry))
				entries++;
			assert_int_equal(entries, call.entries);
			taken++;
		}
		free(copy);
	}
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_round_trips_and_protobuf_reads_it),
		cmocka_unit_test(hello_from_a_protobuf_library_is_read),
		cmocka_unit_test(an_empty_hello_is_one),
		cmocka_unit_test(codecs_come_unpacked_too),
		cmocka_unit_test(a_token_has_a_limit),
		cmocka_unit_test(hello_only_raises),
		cmocka_unit_test(head_meta_round_trips),
		cmocka_unit_test(end_meta_round_trips_and_protobuf_reads_it),
		cmocka_unit_test(an_empty_end_is_ok),
		cmocka_unit_test(numbers_of_a_later_version_read_as_unknown_or_unset),
		cmocka_unit_test(the_embedded_head_is_checked),
		cmocka_unit_test(cancel_meta_round_trips),
		cmocka_unit_test(cancel_is_by_the_caller_or_by_the_deadline),
		cmocka_unit_test(goaway_meta_round_trips),
		cmocka_unit_test(fields_that_are_not_repeated_come_once),
		cmocka_unit_test(known_fields_have_their_wire_type),
		cmocka_unit_test(numbers_and_texts_are_what_they_must_be),
		cmocka_unit_test(unknown_fields_of_every_wire_type_are_skipped),
		cmocka_unit_test(what_is_no_protobuf_is_refused_everywhere),
		cmocka_unit_test(a_refused_block_leaves_its_struct_alone),
		cmocka_unit_test(random_blocks_never_crash_and_entries_can_be_walked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
