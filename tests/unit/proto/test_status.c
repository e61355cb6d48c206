#include "proto/status.h"
#include "tests/unit/proto/support.h"

static void every_status_has_grpcs_number_and_its_name_back(void **state)
{
	(void)state;
	assert_int_equal(STATUS_NOT_FOUND, 5);
	assert_int_equal(STATUS_UNAUTHENTICATED, 16);
	for (uint32_t number = 0; number < STATUS_COUNT; number++) {
		enum status status;
		assert_int_equal(status_from_number(number), number);
		assert_true(status_from_name(status_name((enum status)number), &status));
		assert_int_equal(status, number);
		assert_true(strlen(status_text((enum status)number)) > 1);
	}
	assert_string_equal(status_name(STATUS_NOT_FOUND), "NOT_FOUND");
	assert_string_equal(status_text(STATUS_NOT_FOUND), "not found");
}

static void numbers_that_grpc_does_not_know_are_unknown(void **state)
{
	(void)state;
	assert_int_equal(status_from_number(17), STATUS_UNKNOWN);
	assert_int_equal(status_from_number(UINT32_MAX), STATUS_UNKNOWN);
	assert_string_equal(status_name((enum status)17), "STATUS_?");
	assert_non_null(status_text((enum status)99));
	enum status status = STATUS_ABORTED;
	assert_false(status_from_name("not_found", &status));
	assert_false(status_from_name("", &status));
	assert_int_equal(status, STATUS_ABORTED);
}

static enum status fails_when(bool fail)
{
	TRY(fail ? STATUS_ABORTED : STATUS_OK);
	return STATUS_NOT_FOUND;
}

static void try_passes_failures_on(void **state)
{
	(void)state;
	assert_int_equal(fails_when(true), STATUS_ABORTED);
	assert_int_equal(fails_when(false), STATUS_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_grpcs_number_and_its_name_back),
		cmocka_unit_test(numbers_that_grpc_does_not_know_are_unknown),
		cmocka_unit_test(try_passes_failures_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
