/* The bytes of parameters; that PostgreSQL understands them is tested with the pool. */
#include "db/encode.h"
#include "db/epoch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct encoded encoded;

static void assert_encoded(const struct param *param, int format, const char *bytes, size_t length)
{
	const struct param_spec spec = {"p", param->type, true};
	const struct statement statement = {.params = &spec, .param_count = 1};
	const struct params params = {param, 1};
	assert_true(encode_params(&encoded, &statement, &params));
	assert_int_equal(encoded.formats[0], format);
	assert_int_equal(encoded.lengths[0], length);
	if (bytes)
		assert_memory_equal(encoded.values[0], bytes, length);
	else
		assert_null(encoded.values[0]);
}

#define ASSERT_BINARY(literal, ...) \
	assert_encoded(&(const struct param){__VA_ARGS__}, 1, (literal), sizeof(literal) - 1)

static void test_scalars(void **state)
{
	(void)state;
	ASSERT_BINARY("\001", .type = DB_BOOL, .boolean = true);
	ASSERT_BINARY("\377\376", .type = DB_INT2, .integer = -2);
	ASSERT_BINARY("\000\000\001\000", .type = DB_INT4, .integer = 256);
	ASSERT_BINARY("\000\000\000\000\000\000\001\002", .type = DB_INT8, .integer = 258);
	ASSERT_BINARY("\000\000\000\000", .type = DB_DATE, .integer = EPOCH_DAYS);
	ASSERT_BINARY("\000\000\000\000\000\000\000\001", .type = DB_TIMESTAMPTZ,
	              .integer = EPOCH_MICROSECONDS + 1);
	ASSERT_BINARY("\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\011",
	              .type = DB_UUID, .uuid = {{[15] = 9}});
	ASSERT_BINARY("a\000b", .type = DB_BYTEA, .bytes = bytes_of("a\000b", 3));
	ASSERT_BINARY("", .type = DB_BYTEA, .bytes = {NULL, 0});
}

static void test_texts_and_nulls(void **state)
{
	const struct param text = {.type = DB_TEXT, .text = "abc"};
	const struct param null = {.type = DB_INT8, .null = true};
	(void)state;
	assert_encoded(&text, 0, "", 0);
	assert_ptr_equal(encoded.values[0], text.text);
	assert_encoded(&null, 0, NULL, 0);
}

static void test_arrays(void **state)
{
	const int32_t numbers[] = {7, -1};
	const char *const texts[] = {"ab", NULL, ""};
	const struct bytes hashes[] = {bytes_of("\1\2", 2), {NULL, 0}};
	(void)state;
	ASSERT_BINARY("\0\0\0\001\0\0\0\0\0\0\0\027\0\0\0\002\0\0\0\001"
	              "\0\0\0\004\0\0\0\007\0\0\0\004\377\377\377\377",
	              .type = DB_INT4_ARRAY, .array = {numbers, 2});
	ASSERT_BINARY("\0\0\0\001\0\0\0\001\0\0\0\031\0\0\0\003\0\0\0\001"
	              "\0\0\0\002ab\377\377\377\377\0\0\0\0",
	              .type = DB_TEXT_ARRAY, .array = {texts, 3});
	ASSERT_BINARY("\0\0\0\001\0\0\0\001\0\0\0\021\0\0\0\002\0\0\0\001"
	              "\0\0\0\002\001\002\377\377\377\377",
	              .type = DB_BYTEA_ARRAY, .array = {hashes, 2});
	ASSERT_BINARY("\0\0\0\0\0\0\0\0\0\0\0\024", .type = DB_INT8_ARRAY, .array = {NULL, 0});
}

/* Of three calls the arrays that one execution takes. */
static void test_several_calls_as_one(void **state)
{
	(void)state;
	static const struct param_spec specs[] = {{"ids", DB_INT8_ARRAY, false},
	                                          {"names", DB_TEXT_ARRAY, false},
	                                          {"hashes", DB_BYTEA_ARRAY, false},
	                                          {"keys", DB_UUID_ARRAY, false},
	                                          {"flags", DB_BOOL_ARRAY, false}};
	static const struct param at[2][5] = {
		{{.type = DB_INT8, .integer = 258},
	         {.type = DB_TEXT, .text = "ab"},
	         {.type = DB_BYTEA, .bytes = {NULL, 0}},
	         {.type = DB_UUID, .uuid = {{[15] = 9}}},
	         {.type = DB_BOOL, .boolean = true}},
		{{.type = DB_INT8, .null = true},
	         {.type = DB_TEXT, .null = true},
	         {.type = DB_BYTEA, .null = true},
	         {.type = DB_UUID, .null = true},
	         {.type = DB_BOOL, .boolean = false}},
	};
	const struct statement many = {.params = specs, .param_count = 5};
	const struct params one = {at[0], 5}, other = {at[1], 5};
	const struct params *const calls[] = {&one, &other};
	assert_true(encode_many(&encoded, &many, calls, 2));
#define ASSERT_ARRAY(i, literal)                                                      \
	do {                                                                          \
		assert_int_equal(encoded.formats[i], 1);                              \
		assert_int_equal(encoded.lengths[i], sizeof(literal) - 1);            \
		assert_memory_equal(encoded.values[i], literal, sizeof(literal) - 1); \
	} while (0)
	ASSERT_ARRAY(0, "\0\0\0\001\0\0\0\001\0\0\0\024\0\0\0\002\0\0\0\001"
	                "\0\0\0\010\0\0\0\0\0\0\001\002\377\377\377\377");
	ASSERT_ARRAY(1, "\0\0\0\001\0\0\0\001\0\0\0\031\0\0\0\002\0\0\0\001"
	                "\0\0\0\002ab\377\377\377\377");
	ASSERT_ARRAY(2, "\0\0\0\001\0\0\0\001\0\0\0\021\0\0\0\002\0\0\0\001"
	                "\0\0\0\0\377\377\377\377");
	ASSERT_ARRAY(3, "\0\0\0\001\0\0\0\001\0\0\013\206\0\0\0\002\0\0\0\001"
	                "\0\0\0\020\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\011\377\377\377\377");
	ASSERT_ARRAY(4, "\0\0\0\001\0\0\0\0\0\0\0\020\0\0\0\002\0\0\0\001"
	                "\0\0\0\001\001\0\0\0\001\0");
}

static void test_epoch(void **state)
{
	(void)state;
	assert_int_equal(epoch_time_from_postgres(0), 946684800000000);
	assert_int_equal(epoch_time_from_postgres(INT64_MAX), INT64_MAX);
	assert_int_equal(epoch_time_from_postgres(INT64_MIN), INT64_MIN);
	assert_int_equal(epoch_time_to_postgres(INT64_MIN + 5), INT64_MIN);
	assert_int_equal(epoch_time_to_postgres(INT64_MAX), INT64_MAX);
	assert_int_equal(epoch_date_from_postgres(0), 10957);
	assert_int_equal(epoch_date_from_postgres(INT32_MAX), INT32_MAX);
	assert_int_equal(epoch_date_to_postgres(INT32_MIN), INT32_MIN);
	assert_int_equal(epoch_date_to_postgres(INT32_MAX), INT32_MAX);
	assert_int_equal(epoch_date_to_postgres(0), -10957);
}

static int deinit(void **state)
{
	(void)state;
	encoded_deinit(&encoded);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars), cmocka_unit_test(test_texts_and_nulls),
		cmocka_unit_test(test_arrays),  cmocka_unit_test(test_several_calls_as_one),
		cmocka_unit_test(test_epoch),
	};
	return cmocka_run_group_tests(tests, NULL, deinit);
}
