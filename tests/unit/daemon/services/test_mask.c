/* Field masks as bits, and what is said of those that are none. */
#include "daemon/services/mask.h"
#include "proto/utf8.h"
#include "tests/unit/daemon/rpc/bare_call.h"

#include <stdio.h>

static const char *const table[] = {"name", "slug", "settings", NULL};

static enum status read_mask(struct call *call, const char *const paths[], int32_t *bits,
                             size_t count, ...)
{
	char *given[8];
	va_list args;
	va_start(args, count);
	for (size_t i = 0; i < count; i++)
		given[i] = va_arg(args, char *);
	va_end(args);
	Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
	mask.n_paths = count;
	mask.paths = given;
	return mask_read(call, &mask, paths, bits);
}

static void paths_become_bits(void **state)
{
	(void)state;
	struct call *call = bare_call(LIMIT_CALL_ARENA);
	int32_t bits;
	assert_int_equal(read_mask(call, table, &bits, 1, "name"), STATUS_OK);
	assert_int_equal(bits, 1);
	assert_int_equal(read_mask(call, table, &bits, 2, "settings", "slug"), STATUS_OK);
	assert_int_equal(bits, 6);
	assert_int_equal(read_mask(call, table, &bits, 3, "slug", "slug", "slug"), STATUS_OK);
	assert_int_equal(bits, 2);
	bare_call_free(call);
}

static void a_mask_names_something(void **state)
{
	(void)state;
	struct call *call = bare_call(LIMIT_CALL_ARENA);
	static const char text[] =
		"update_mask: it names no field; allowed are name, slug, settings";
	int32_t bits;
	assert_int_equal(mask_read(call, NULL, table, &bits), STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_MASK_INVALID, "update_mask", text);
	assert_int_equal(read_mask(call, table, &bits, 0), STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_MASK_INVALID, "update_mask", text);
	bare_call_free(call);
}

static void what_is_not_in_the_table_cannot_be_changed(void **state)
{
	(void)state;
	static const char *const others[] = {"", "*", "Name", "name ", "owner_id", "name.first"};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct call *call = bare_call(LIMIT_CALL_ARENA);
		int32_t bits;
		char text[128];
		snprintf(text, sizeof(text),
		         "update_mask: \"%s\" cannot be changed; allowed are name, slug, settings",
		         others[i]);
		assert_int_equal(read_mask(call, table, &bits, 2, "name", others[i]),
		                 STATUS_INVALID_ARGUMENT);
		assert_failed(call, REASON_MASK_INVALID, "update_mask", text);
		bare_call_free(call);
	}
}

/* What is allowed is said, however long the path is; and what is said of it is text. */
static void a_long_path_is_cut_between_characters(void **state)
{
	(void)state;
	for (size_t before = 0; before < 4; before++) {
		struct call *call = bare_call(LIMIT_CALL_ARENA);
		char path[1600] = "aaaa";
		for (size_t at = before; at + 4 < sizeof(path); at += 4)
			memcpy(path + at, "\xf0\x9f\x98\x80", 5);
		int32_t bits;
		assert_int_equal(read_mask(call, table, &bits, 1, path), STATUS_INVALID_ARGUMENT);
		assert_true(utf8_valid(bytes_of_string(call->message)));
		assert_non_null(strstr(call->message, "\" cannot be changed; allowed are name, "
		                                      "slug, settings"));
		bare_call_free(call);
	}
}

static void everything_allowed_is_listed(void **state)
{
	(void)state;
	static char names[MASK_PATHS_MAX][24];
	const char *paths[MASK_PATHS_MAX + 1] = {NULL};
	for (size_t i = 0; i < MASK_PATHS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "a_long_field_name_%02zu", i);
		paths[i] = names[i];
	}
	struct call *call = bare_call(LIMIT_CALL_ARENA);
	int32_t bits;
	assert_int_equal(read_mask(call, paths, &bits, 1, "no"), STATUS_INVALID_ARGUMENT);
	for (size_t i = 0; i < MASK_PATHS_MAX; i++)
		assert_non_null(strstr(call->message, names[i]));
	bare_call_free(call);
}

static void the_last_bit_is_not_the_sign(void **state)
{
	(void)state;
	const char *paths[MASK_PATHS_MAX + 1] = {NULL};
	for (size_t i = 0; i < MASK_PATHS_MAX; i++)
		paths[i] = i + 1 < MASK_PATHS_MAX ? "other" : "last";
	struct call *call = bare_call(LIMIT_CALL_ARENA);
	int32_t bits;
	assert_int_equal(read_mask(call, paths, &bits, 1, "last"), STATUS_OK);
	assert_int_equal(bits, INT32_C(1) << 30);
	bare_call_free(call);
}

static void without_memory_that_is_said(void **state)
{
	(void)state;
	struct call *call = bare_call(0);
	int32_t bits;
	assert_int_equal(read_mask(call, table, &bits, 1, "no"), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(call->status, STATUS_RESOURCE_EXHAUSTED);
	bare_call_free(call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_become_bits),
		cmocka_unit_test(a_mask_names_something),
		cmocka_unit_test(what_is_not_in_the_table_cannot_be_changed),
		cmocka_unit_test(a_long_path_is_cut_between_characters),
		cmocka_unit_test(everything_allowed_is_listed),
		cmocka_unit_test(the_last_bit_is_not_the_sign),
		cmocka_unit_test(without_memory_that_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
