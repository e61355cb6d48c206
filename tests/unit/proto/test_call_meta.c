/* CallMeta and metadata, held against what protobuf-c makes of proto/prism/wire/v1/frame.proto. */
#include "prism/wire/v1/frame.pb-c.h"
#include "tests/unit/proto/meta_support.h"

static void call_meta_round_trips_and_protobuf_reads_it(void **state)
{
	(void)state;
	struct call_meta meta =
				 {
					 .path = bytes_of_string("/prism.v1.StoryService/GetStory"),
					 .path_id = 7,
					 .has_timeout = true,
					 .timeout_us = 250000,
					 .trace = bytes_of_string("0123456789abcdef01234567x"),
					 .tracestate = bytes_of_string("a=b"),
					 .authority = bytes_of_string("localhost"),
					 .codec = 1,
					 .accept = 3,
					 .attempt = 2,
				 },
			 back;
	struct metadata metadata[] = {pair("x-prism-actor", "someone"), pair("a", ""),
	                              pair("k-bin", "\xff\x01"), pair("a", "second")};
	size_t size = call_meta_size(&meta, metadata, 4);
	struct writer writer = writer_init(block, size);
	call_meta_write(&writer, &meta, metadata, 4);
	assert_false(writer.failed);
	assert_ptr_equal(writer.at, block + size);
	const char *reason;
	assert_true(call_meta_decode(bytes_of(block, size), &back, &reason));
	assert_true(bytes_equal(back.path, meta.path));
	assert_int_equal(back.path_id, 7);
	assert_true(back.has_timeout && back.timeout_us == 250000);
	assert_true(bytes_equal(back.trace, meta.trace));
	assert_bytes(back.tracestate, "a=b");
	assert_bytes(back.authority, "localhost");
	assert_int_equal(back.codec, 1);
	assert_int_equal(back.accept, 3);
	assert_int_equal(back.attempt, 2);
	assert_int_equal(back.entries, 4);
	cut_everywhere(decode_call, bytes_of(block, size));

	Prism__Wire__V1__CallMeta *read = prism__wire__v1__call_meta__unpack(NULL, size, block);
	assert_non_null(read);
	assert_string_equal(read->path, "/prism.v1.StoryService/GetStory");
	assert_int_equal(read->n_md, 4);
	assert_string_equal(read->md[3]->k, "a");
	assert_binary(read->md[3]->v, "second");
	assert_int_equal(read->accept, 3);
	prism__wire__v1__call_meta__free_unpacked(read, NULL);
}

static void metadata_keeps_order_and_repetitions(void **state)
{
	(void)state;
	struct call_meta meta = {.path_id = 1, .authority = bytes_of_string("h")}, back;
	struct metadata metadata[] = {pair("b", "1"), pair("a", "2"), pair("b", "3")}, got;
	struct writer writer = writer_init(block, BLOCK);
	call_meta_write(&writer, &meta, metadata, 3);
	const char *reason;
	size_t size = (size_t)(writer.at - block);
	assert_true(call_meta_decode(bytes_of(block, size), &back, &reason));
	struct metadata_walk walk = {reader_init(back.block), METADATA_IN_CALL};
	for (size_t i = 0; i < 3; i++) {
		assert_true(metadata_next(&walk, &got));
		assert_true(bytes_equal(got.key, metadata[i].key));
		assert_true(bytes_equal(got.value, metadata[i].value));
	}
	assert_false(metadata_next(&walk, &got));
	assert_bytes(metadata_find(back.block, METADATA_IN_CALL, "b"), "1");
	assert_bytes(metadata_find(back.block, METADATA_IN_CALL, "a"), "2");
	assert_null(metadata_find(back.block, METADATA_IN_CALL, "c").data);
	assert_null(metadata_find(back.block, METADATA_IN_CALL, "").data);
	assert_null(metadata_find((struct bytes){0}, METADATA_IN_CALL, "a").data);
	assert_bytes(metadata_find(bytes_of(block, size), METADATA_IN_CALL, "b"), "1");
}

static void entries_between_other_fields_are_all_found(void **state)
{
	(void)state;
	/* md a=1, codec 0, md b=2, an unknown field 99, path_id 1 */
	struct hex bytes = hex("32 06 0a 01 61 12 01 31 | 38 00 | 32 06 12 01 32 0a 01 62 |"
	                       "98 06 05 | 10 01");
	struct call_meta got;
	const char *reason;
	assert_true(call_meta_decode(hex_bytes(&bytes), &got, &reason));
	assert_int_equal(got.entries, 2);
	assert_bytes(metadata_find(got.block, METADATA_IN_CALL, "a"), "1");
	assert_bytes(metadata_find(got.block, METADATA_IN_CALL, "b"), "2");
	assert_int_equal(got.block.len, 18);
}

static void an_entry_with_an_empty_or_absent_value_is_found(void **state)
{
	(void)state;
	struct hex bytes = hex("32 03 0a 01 61 | 32 05 0a 01 62 12 00 | 10 01");
	struct call_meta got;
	const char *reason;
	assert_true(call_meta_decode(hex_bytes(&bytes), &got, &reason));
	struct metadata_walk walk = {reader_init(got.block), METADATA_IN_CALL};
	struct metadata entry;
	assert_true(metadata_next(&walk, &entry));
	assert_bytes(entry.key, "a");
	assert_int_equal(entry.value.len, 0);
	assert_true(metadata_next(&walk, &entry));
	assert_bytes(entry.key, "b");
	assert_false(metadata_next(&walk, &entry));
}

static void a_zero_timeout_is_not_none(void **state)
{
	(void)state;
	struct call_meta meta = {.path_id = 1, .has_timeout = true}, back;
	struct writer writer = writer_init(block, BLOCK);
	call_meta_write(&writer, &meta, NULL, 0);
	const char *reason;
	assert_int_equal(writer.at - block, call_meta_size(&meta, NULL, 0));
	assert_true(call_meta_decode(bytes_of(block, 4), &back, &reason));
	assert_true(back.has_timeout);
	assert_true(back.timeout_us == 0);
	assert_true(call_meta_decode(bytes_of(block, 2), &back, &reason));
	assert_false(back.has_timeout);
}

static void a_call_needs_a_path_of_its_length(void **state)
{
	(void)state;
	assert_refused(decode_call, "", "path");
	assert_refused(decode_call, "0a 00", "path");
	assert_refused(decode_call, "10 00", "path");
	assert_taken(decode_call, "0a 01 2f");
	assert_taken(decode_call, "0a 00 10 01");
	memset(block + 4096, 'p', 300);
	for (size_t len = LIMIT_PATH - 1; len <= LIMIT_PATH + 1; len++) {
		struct call_meta meta = {.path = bytes_of(block + 4096, len)}, back;
		struct writer writer = writer_init(block, 4096);
		call_meta_write(&writer, &meta, NULL, 0);
		const char *reason;
		assert_int_equal(call_meta_decode(bytes_of(block, call_meta_size(&meta, NULL, 0)),
		                                  &back, &reason),
		                 len <= LIMIT_PATH);
	}
}

static void a_trace_has_25_bytes(void **state)
{
	(void)state;
	for (size_t len = 0; len < 60; len++) {
		struct call_meta meta = {.path_id = 1, .trace = bytes_of(block + 4096, len)}, back;
		struct writer writer = writer_init(block, 4096);
		call_meta_write(&writer, &meta, NULL, 0);
		const char *reason;
		assert_int_equal(call_meta_decode(bytes_of(block, call_meta_size(&meta, NULL, 0)),
		                                  &back, &reason),
		                 len == 0 || len == 25);
	}
}

static void entries_have_a_limit(void **state)
{
	(void)state;
	for (size_t count = LIMIT_METADATA_ENTRIES - 1; count <= LIMIT_METADATA_ENTRIES + 1;
	     count++) {
		static struct metadata metadata[LIMIT_METADATA_ENTRIES + 1];
		for (size_t i = 0; i < count; i++)
			metadata[i] = pair("k", "");
		struct call_meta meta = {.path_id = 1}, back;
		struct writer writer = writer_init(block, BLOCK);
		call_meta_write(&writer, &meta, metadata, count);
		const char *reason = "";
		bool good = call_meta_decode(
			bytes_of(block, call_meta_size(&meta, metadata, count)), &back, &reason);
		assert_int_equal(good, count <= LIMIT_METADATA_ENTRIES);
		if (good)
			assert_int_equal(back.entries, count);
		else
			assert_non_null(strstr(reason, "100"));
	}
}

static void keys_are_of_few_characters(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[64];
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		            c == '_' || c == '.';
		snprintf(text, sizeof text, "10 01 32 06 0a 01 %02x 12 01 31", (unsigned)c);
		if (good)
			assert_taken(decode_call, text);
		else
			assert_refused(decode_call, text, "CallMeta.md must be a key of");
	}
	assert_refused(decode_call, "10 01 32 00", "key");
	assert_refused(decode_call, "10 01 32 02 0a 00", "key");
	assert_refused(decode_call, "10 01 32 03 12 01 31", "key");
}

static void entries_are_whole_and_have_one_key_and_value(void **state)
{
	(void)state;
	assert_refused(decode_call, "10 01 32 06 0a 01 61 0a 01 61", "key");
	assert_refused(decode_call, "10 01 32 09 0a 01 61 12 01 31 12 01 31", "key");
	assert_refused(decode_call, "10 01 32 02 08 01", "key");
	assert_refused(decode_call, "10 01 32 05 0a 01 61 10 01", "key");
	assert_refused(decode_call, "10 01 32 03 0a 02 61", "key");
	assert_refused(decode_call, "10 01 32 04 0a 01 61 12", "key");
	assert_taken(decode_call, "10 01 32 06 0a 01 61 18 80 01");
}

static void attachments_are_refused_and_criticality_is_not(void **state)
{
	(void)state;
	assert_refused(decode_call, "10 01 58 01", "attachment");
	assert_taken(decode_call, "10 01 58 00");
	assert_refused(decode_end, "48 05", "attachment");
	assert_taken(decode_call, "10 01 50 03");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call_meta_round_trips_and_protobuf_reads_it),
		cmocka_unit_test(metadata_keeps_order_and_repetitions),
		cmocka_unit_test(entries_between_other_fields_are_all_found),
		cmocka_unit_test(an_entry_with_an_empty_or_absent_value_is_found),
		cmocka_unit_test(a_zero_timeout_is_not_none),
		cmocka_unit_test(a_call_needs_a_path_of_its_length),
		cmocka_unit_test(a_trace_has_25_bytes),
		cmocka_unit_test(entries_have_a_limit),
		cmocka_unit_test(keys_are_of_few_characters),
		cmocka_unit_test(entries_are_whole_and_have_one_key_and_value),
		cmocka_unit_test(attachments_are_refused_and_criticality_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
