/* What proto/reason.def promises: names that callers compare, statuses, texts. */
#include "proto/reason.h"
#include "tests/unit/proto/support.h"

#include <ctype.h>

static void nothing_is_said_without_a_reason(void **state)
{
	(void)state;
	assert_string_equal(reason_name(REASON_NONE), "");
	assert_string_equal(reason_text(REASON_NONE), "");
	assert_int_equal(reason_status(REASON_NONE), STATUS_UNKNOWN);
}

/* google.rpc.ErrorInfo.reason: [A-Z][A-Z0-9_]+[A-Z0-9], at most 63 characters. */
static void names_have_the_form_that_google_asks_for(void **state)
{
	(void)state;
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
		const char *name = reason_name((enum reason)i);
		size_t len = strlen(name);
		assert_in_range(len, 3, 63);
		assert_true(isupper((unsigned char)name[0]));
		assert_int_not_equal(name[len - 1], '_');
		for (size_t at = 0; at < len; at++)
			assert_true(isupper((unsigned char)name[at]) ||
			            isdigit((unsigned char)name[at]) || name[at] == '_');
	}
}

static void every_reason_is_a_refusal_with_words_of_its_own(void **state)
{
	(void)state;
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
		enum reason reason = (enum reason)i;
		assert_int_not_equal(reason_status(reason), STATUS_OK);
		assert_int_not_equal(reason_status(reason), STATUS_UNKNOWN);
		assert_true(strlen(reason_text(reason)) > 1);
		for (int other = REASON_NONE + 1; other < i; other++)
			assert_string_not_equal(reason_name(reason),
			                        reason_name((enum reason)other));
	}
}

static void statuses_are_those_that_callers_know(void **state)
{
	(void)state;
	assert_string_equal(reason_name(REASON_VERSION_STALE), "VERSION_STALE");
	assert_int_equal(reason_status(REASON_VERSION_STALE), STATUS_ABORTED);
	assert_int_equal(reason_status(REASON_FIELD_INVALID), STATUS_INVALID_ARGUMENT);
	assert_int_equal(reason_status(REASON_ORGANIZATION_NOT_FOUND), STATUS_NOT_FOUND);
	assert_int_equal(reason_status(REASON_ROLE_TOO_LOW), STATUS_PERMISSION_DENIED);
	assert_int_equal(reason_status(REASON_SLUG_TAKEN), STATUS_ALREADY_EXISTS);
	assert_int_equal(reason_status(REASON_LAST_ADMIN), STATUS_FAILED_PRECONDITION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_said_without_a_reason),
		cmocka_unit_test(names_have_the_form_that_google_asks_for),
		cmocka_unit_test(every_reason_is_a_refusal_with_words_of_its_own),
		cmocka_unit_test(statuses_are_those_that_callers_know),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
