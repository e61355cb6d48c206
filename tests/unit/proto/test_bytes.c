#include "proto/reader.h"
#include "proto/writer.h"
#include "tests/unit/proto/support.h"

/* --- buffer ----------------------------------------------------------------- */

static void buffer_gives_back_what_it_took(void **state)
{
	(void)state;
	struct buffer buffer = {0};
	assert_true(buffer_append(&buffer, "hello ", 6));
	assert_true(buffer_append(&buffer, "world", 5));
	assert_bytes(buffer_bytes(&buffer), "hello world");
	buffer_consume(&buffer, 6);
	assert_bytes(buffer_bytes(&buffer), "world");
	buffer_deinit(&buffer);
	assert_null(buffer.data);
}

static void an_empty_append_is_no_failure(void **state)
{
	(void)state;
	struct buffer buffer = {0};
	assert_true(buffer_append(&buffer, NULL, 0));
	assert_int_equal(buffer_len(&buffer), 0);
	buffer_deinit(&buffer);
}

static void an_emptied_buffer_starts_anew_in_its_storage(void **state)
{
	(void)state;
	struct buffer buffer = {0};
	assert_true(buffer_append(&buffer, "abc", 3));
	uint8_t *storage = buffer.data;
	buffer_consume(&buffer, 3);
	assert_int_equal(buffer.start, 0);
	assert_int_equal(buffer.end, 0);
	assert_ptr_equal(buffer_reserve(&buffer, 3), storage);
	buffer_deinit(&buffer);
}

static void the_front_is_used_again_before_it_grows(void **state)
{
	(void)state;
	struct buffer buffer = {0};
	assert_non_null(buffer_reserve(&buffer, 512));
	size_t capacity = buffer.capacity;
	memset(buffer.data, 'x', capacity - 1);
	buffer.data[capacity - 1] = 'y';
	buffer.end = capacity;
	buffer_consume(&buffer, capacity - 1);
	assert_non_null(buffer_reserve(&buffer, capacity - 1));
	assert_int_equal(buffer.capacity, capacity);
	assert_bytes(buffer_bytes(&buffer), "y");
	assert_non_null(buffer_reserve(&buffer, capacity));
	assert_true(buffer.capacity > capacity);
	assert_bytes(buffer_bytes(&buffer), "y");
	buffer_deinit(&buffer);
}

static void an_impossible_length_leaves_the_buffer_alone(void **state)
{
	(void)state;
	struct buffer buffer = {0};
	assert_true(buffer_append(&buffer, "abc", 3));
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	assert_null(buffer_reserve(&buffer, SIZE_MAX - 3));
	assert_bytes(buffer_bytes(&buffer), "abc");
	buffer_deinit(&buffer);
}

static void any_pattern_of_appends_and_consumes_keeps_the_bytes(void **state)
{
	(void)state;
	struct buffer buffer = {0};
	uint64_t seed = 1;
	uint8_t in = 0, out = 0;
	for (int round = 0; round < 5000; round++) {
		size_t len = random_below(&seed, 300);
		uint8_t *room = buffer_reserve(&buffer, len);
		assert_non_null(room);
		for (size_t i = 0; i < len; i++)
			room[i] = in++;
		buffer.end += len;
		size_t take = random_below(&seed, buffer_len(&buffer) + 1);
		for (size_t i = 0; i < take; i++)
			assert_int_equal(buffer.data[buffer.start + i], out++);
		buffer_consume(&buffer, take);
	}
	buffer_deinit(&buffer);
}

/* --- reader and writer --------------------------------------------------------- */

static void integers_are_big_endian(void **state)
{
	(void)state;
	uint8_t out[7];
	struct writer writer = writer_init(out, sizeof out);
	writer_u8(&writer, 0x01);
	writer_u16(&writer, 0x0203);
	writer_u32(&writer, 0x04050607);
	assert_false(writer.failed);
	assert_memory_equal(out, "\1\2\3\4\5\6\7", 7);
	struct reader reader = reader_init(bytes_of(out, sizeof out));
	assert_int_equal(reader_u8(&reader), 0x01);
	assert_int_equal(reader_u16(&reader), 0x0203);
	assert_int_equal(reader_u32(&reader), 0x04050607);
	assert_int_equal(reader_left(&reader), 0);
	assert_false(reader.failed);
}

static void a_short_read_sticks(void **state)
{
	(void)state;
	struct reader reader = reader_init(bytes_of("\1\2\3", 3));
	assert_int_equal(reader_u32(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(reader_u8(&reader), 0);
	assert_int_equal(reader_bytes(&reader, 0).len, 0);
	assert_int_equal(reader_varint(&reader), 0);
	assert_true(reader.failed);
}

static void a_full_writer_sticks_and_writes_nothing_past_its_end(void **state)
{
	(void)state;
	uint8_t out[4] = {9, 9, 9, 9};
	struct writer writer = writer_init(out, 3);
	writer_u32(&writer, 0);
	assert_true(writer.failed);
	writer_u8(&writer, 1);
	writer_bytes(&writer, "abc", 3);
	assert_memory_equal(out, "\11\11\11\11", 4);
}

static void varints_round_trip_at_every_width(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int around = -1; around <= 1; around++) {
			uint64_t value = ((uint64_t)1 << bit) + (uint64_t)around;
			uint8_t out[10];
			struct writer writer = writer_init(out, sizeof out);
			writer_varint(&writer, value);
			size_t len = (size_t)(writer.at - out);
			assert_int_equal(len, varint_size(value));
			struct reader reader = reader_init(bytes_of(out, len));
			assert_true(reader_varint(&reader) == value);
			assert_false(reader.failed);
			assert_int_equal(reader_left(&reader), 0);
		}
	}
}

static void a_varint_cut_anywhere_fails(void **state)
{
	(void)state;
	struct hex longest = hex("ff ff ff ff ff ff ff ff ff 01");
	for (size_t len = 0; len < longest.len; len++) {
		uint8_t *copy = exact_copy(bytes_of(longest.data, len));
		struct reader reader = reader_init(bytes_of(copy, len));
		assert_int_equal(reader_varint(&reader), 0);
		assert_true(reader.failed);
		free(copy);
	}
	struct reader reader = reader_init(hex_bytes(&longest));
	assert_true(reader_varint(&reader) == UINT64_MAX);
}

static void a_varint_above_64_bits_or_10_bytes_fails(void **state)
{
	(void)state;
	static const char *const bad[] = {"ff ff ff ff ff ff ff ff ff 02",
	                                  "80 80 80 80 80 80 80 80 80 80 00"};
	for (size_t i = 0; i < 2; i++) {
		struct hex bytes = hex(bad[i]);
		struct reader reader = reader_init(hex_bytes(&bytes));
		assert_int_equal(reader_varint(&reader), 0);
		assert_true(reader.failed);
	}
}

static void a_long_form_of_a_small_varint_is_read(void **state)
{
	(void)state;
	struct hex bytes = hex("81 80 00 05");
	struct reader reader = reader_init(hex_bytes(&bytes));
	assert_int_equal(reader_varint(&reader), 1);
	assert_int_equal(reader_varint(&reader), 5);
	assert_false(reader.failed);
}

static void delimited_bytes_end_with_what_is_there(void **state)
{
	(void)state;
	struct reader reader = reader_init(bytes_of("\3abcd", 5));
	assert_bytes(reader_delimited(&reader), "abc");
	assert_int_equal(reader_left(&reader), 1);
	static const char *const bad[] = {"\2a", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", ""};
	for (size_t i = 0; i < 3; i++) {
		reader = reader_init(bytes_of_string(bad[i]));
		assert_int_equal(reader_delimited(&reader).len, 0);
		assert_true(reader.failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_gives_back_what_it_took),
		cmocka_unit_test(an_empty_append_is_no_failure),
		cmocka_unit_test(an_emptied_buffer_starts_anew_in_its_storage),
		cmocka_unit_test(the_front_is_used_again_before_it_grows),
		cmocka_unit_test(an_impossible_length_leaves_the_buffer_alone),
		cmocka_unit_test(any_pattern_of_appends_and_consumes_keeps_the_bytes),
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(a_short_read_sticks),
		cmocka_unit_test(a_full_writer_sticks_and_writes_nothing_past_its_end),
		cmocka_unit_test(varints_round_trip_at_every_width),
		cmocka_unit_test(a_varint_cut_anywhere_fails),
		cmocka_unit_test(a_varint_above_64_bits_or_10_bytes_fails),
		cmocka_unit_test(a_long_form_of_a_small_varint_is_read),
		cmocka_unit_test(delimited_bytes_end_with_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
