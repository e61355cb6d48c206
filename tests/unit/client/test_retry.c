/* The policy of retries, without a clock: both time and chance are given. */
#include "client/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static const struct retry_failure LOST = {
	.status = STATUS_UNAVAILABLE,
	.idempotency = PRISM_READ,
	.failures = 1,
	.now_ns = 1000 * MS,
	.deadline_ns = UINT64_MAX,
};

static struct retry_budget budget_of(uint32_t tokens, uint32_t percent)
{
	struct retry_budget budget;
	assert_null(retry_budget_init(&budget, tokens, percent));
	return budget;
}

static bool again(const struct retry_failure *failure)
{
	struct retry_budget budget = budget_of(0, 0);
	uint64_t at_ns;
	return retry_again(&RETRY_DEFAULT, &budget, failure, 0, &at_ns);
}

/* The pause before the next attempt, in ms. */
static uint64_t pause(const struct retry_policy *policy, const struct retry_failure *failure,
                      uint64_t random)
{
	struct retry_budget budget = budget_of(0, 0);
	uint64_t at_ns = 0;
	assert_true(retry_again(policy, &budget, failure, random, &at_ns));
	return (at_ns - failure->now_ns) / MS;
}

/* --- what ------------------------------------------------------------------------------------- */

static void test_what_is_sent_again(void **state)
{
	(void)state;
	static const struct {
		enum status status;
		bool refused;
		enum prism_idempotency idempotency;
		bool again;
	} each[] = {
		{STATUS_UNAVAILABLE, true, PRISM_IDEMPOTENCY_UNSPECIFIED, true},
		{STATUS_ABORTED, true, PRISM_IDEMPOTENCY_UNSPECIFIED, true},
		{STATUS_UNAVAILABLE, false, PRISM_IDEMPOTENCY_UNSPECIFIED, false},
		{STATUS_UNAVAILABLE, false, PRISM_READ, true},
		{STATUS_UNAVAILABLE, false, PRISM_IDEMPOTENT, true},
		{STATUS_UNAVAILABLE, false, PRISM_KEYED, true},
		{STATUS_ABORTED, false, PRISM_KEYED, false},
		{STATUS_DEADLINE_EXCEEDED, false, PRISM_READ, false},
		{STATUS_CANCELLED, false, PRISM_READ, false},
		{STATUS_INTERNAL, false, PRISM_READ, false},
		{STATUS_UNAUTHENTICATED, false, PRISM_READ, false},
	};
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		struct retry_failure failure = LOST;
		failure.status = each[i].status;
		failure.refused = each[i].refused;
		failure.idempotency = each[i].idempotency;
		if (again(&failure) != each[i].again)
			fail_msg("case %zu", i);
	}
}

static void test_attempts_are_counted(void **state)
{
	(void)state;
	struct retry_failure failure = LOST;
	for (failure.failures = 1; failure.failures <= 6; failure.failures++)
		assert_int_equal(again(&failure), failure.failures < 4);
}

/* --- when ------------------------------------------------------------------------------------- */

static void test_pauses_grow(void **state)
{
	(void)state;
	static const uint64_t least[] = {80, 128, 205, 328, 524, 800, 800};
	struct retry_policy policy = {.attempts_most = 100, .first_ms = 100, .most_ms = 1000};
	struct retry_failure failure = LOST;
	for (failure.failures = 1; failure.failures <= 7; failure.failures++) {
		uint64_t base = least[failure.failures - 1];
		uint64_t shortest = pause(&policy, &failure, 0);
		assert_in_range(shortest, base - 1, base + 1);
		for (uint64_t random = 1; random < 1000; random++)
			assert_in_range(pause(&policy, &failure, random), shortest,
			                shortest * 3 / 2 + 1);
	}
	policy.first_ms = 5000; /* above the most */
	assert_in_range(pause(&policy, &LOST, 12345), 800, 1200);
	failure.failures = 99;
	assert_in_range(pause(&policy, &failure, 12345), 800, 1200);
}

/* As the server asks, never earlier, whatever the back-off would be. */
static void test_pushback(void **state)
{
	(void)state;
	struct retry_failure failure = LOST;
	failure.pushback_ms = 30;
	for (uint64_t random = 0; random < 100; random++)
		assert_in_range(pause(&RETRY_DEFAULT, &failure, random), 30, 36);
	failure.pushback_ms = UINT32_MAX;
	failure.failures = 3;
	assert_int_equal(pause(&RETRY_DEFAULT, &failure, 0), UINT32_MAX);
}

static void test_never_past_the_deadline(void **state)
{
	(void)state;
	struct retry_failure failure = LOST;
	failure.deadline_ns = failure.now_ns + 80 * MS; /* random 0: the pause is 80 ms */
	assert_false(again(&failure));
	failure.deadline_ns++;
	assert_true(again(&failure));
	failure.deadline_ns = failure.now_ns;
	assert_false(again(&failure));
	failure.deadline_ns = failure.now_ns - 1;
	assert_false(again(&failure));
	failure.deadline_ns = failure.now_ns + 500 * MS;
	failure.pushback_ms = 501;
	assert_false(again(&failure));
}

/* --- how many ------------------------------------------------------------------------------------
 */

static void test_budget(void **state)
{
	(void)state;
	struct retry_budget budget = budget_of(3, 25);
	uint64_t at_ns;
	for (int i = 0; i < 3; i++)
		assert_true(retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns));
	assert_false(retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns));
	for (int i = 0; i < 3; i++)
		retry_budget_earn(&budget);
	assert_false(retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns));
	retry_budget_earn(&budget); /* four calls that went well: one retry */
	assert_true(retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns));
	assert_false(retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns));
	for (int i = 0; i < 1000; i++)
		retry_budget_earn(&budget);
	for (int i = 0; i < 3; i++) /* never more than at first */
		assert_true(retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns));
	assert_false(retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns));
}

/* What is not sent again costs nothing. */
static void test_budget_is_not_wasted(void **state)
{
	(void)state;
	struct retry_budget budget = budget_of(1, 0);
	struct retry_failure failure = LOST;
	uint64_t at_ns;
	failure.failures = 4;
	assert_false(retry_again(&RETRY_DEFAULT, &budget, &failure, 0, &at_ns));
	failure.failures = 1;
	failure.deadline_ns = failure.now_ns + MS;
	assert_false(retry_again(&RETRY_DEFAULT, &budget, &failure, 0, &at_ns));
	assert_true(retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns));
}

/* Every call fails once: of n calls that end well n/10 are sent again, and 1,000 at first. */
static void test_load_is_not_multiplied(void **state)
{
	(void)state;
	enum { CALLS = 100000 };
	struct retry_budget budget = budget_of(0, 0);
	uint64_t at_ns, sent = 0;
	for (int i = 0; i < CALLS; i++) {
		sent++;
		if (!retry_again(&RETRY_DEFAULT, &budget, &LOST, 0, &at_ns))
			continue;
		sent++;
		retry_budget_earn(&budget);
	}
	assert_in_range(sent, CALLS + 1000, CALLS + 1000 * 10 / 9 + 1);
}

/* --- settings ----------------------------------------------------------------------------------
 */

static void test_settings(void **state)
{
	(void)state;
	struct retry_policy policy = RETRY_DEFAULT;
	assert_null(retry_policy_set(&policy, &(struct prism_retry){0}));
	assert_memory_equal(&policy, &RETRY_DEFAULT, sizeof policy);
	assert_null(retry_policy_set(&policy, &(struct prism_retry){.max_attempts = 100}));
	assert_int_equal(policy.attempts_most, 100);
	assert_int_equal(policy.first_ms, RETRY_DEFAULT.first_ms);
	assert_null(retry_policy_set(
		&policy, &(struct prism_retry){.first_backoff_ms = 1, .max_backoff_ms = 3600000}));
	assert_int_equal(policy.attempts_most, 100);
	assert_int_equal(policy.first_ms, 1);
	assert_int_equal(policy.most_ms, 3600000);
}

static void test_bad_settings(void **state)
{
	(void)state;
	static const struct prism_retry bad[] = {
		{.max_attempts = 101},
		{.first_backoff_ms = 3600001},
		{.max_backoff_ms = 3600001},
	};
	struct retry_policy policy = RETRY_DEFAULT;
	struct retry_budget budget;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(strstr(retry_policy_set(&policy, &bad[i]), "at most"));
	assert_memory_equal(&policy, &RETRY_DEFAULT, sizeof policy);
	assert_non_null(strstr(retry_budget_init(&budget, 1000001, 0), "retry_tokens"));
	assert_non_null(strstr(retry_budget_init(&budget, 0, 101), "retry_percent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_sent_again),
		cmocka_unit_test(test_attempts_are_counted),
		cmocka_unit_test(test_pauses_grow),
		cmocka_unit_test(test_pushback),
		cmocka_unit_test(test_never_past_the_deadline),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_budget_is_not_wasted),
		cmocka_unit_test(test_load_is_not_multiplied),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_bad_settings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
