#include "client/retry.h"

#include "client/backoff.h"

enum {
	ATTEMPTS_MOST = 100,
	BACKOFF_MOST_MS = 3600000,
	TOKEN = 100,   /* hundredths */
	TOKENS = 1000, /* as many as calls that one lost connection carries (LIMIT_STREAMS) */
	TOKENS_MOST = 1000000,
	PERCENT = 10,
	NS_PER_MS = 1000000,
};

const struct retry_policy RETRY_DEFAULT = {.attempts_most = 4, .first_ms = 100, .most_ms = 5000};

const char *retry_policy_set(struct retry_policy *policy, const struct prism_retry *options)
{
	if (options->max_attempts > ATTEMPTS_MOST)
		return "retry: max_attempts must be at most 100";
	if (options->first_backoff_ms > BACKOFF_MOST_MS ||
	    options->max_backoff_ms > BACKOFF_MOST_MS)
		return "retry: a back-off must be at most 3,600,000 ms (an hour)";
	if (options->max_attempts)
		policy->attempts_most = options->max_attempts;
	if (options->first_backoff_ms)
		policy->first_ms = options->first_backoff_ms;
	if (options->max_backoff_ms)
		policy->most_ms = options->max_backoff_ms;
	return NULL;
}

const char *retry_budget_init(struct retry_budget *budget, uint32_t tokens, uint32_t percent)
{
	if (tokens > TOKENS_MOST)
		return "retry_tokens must be at most 1,000,000";
	if (percent > 100)
		return "retry_percent must be at most 100";
	budget->most = budget->left = (tokens ? tokens : TOKENS) * TOKEN;
	budget->earned = percent ? percent : PERCENT;
	return NULL;
}

void retry_budget_earn(struct retry_budget *budget)
{
	budget->left += budget->earned;
	if (budget->left > budget->most)
		budget->left = budget->most;
}

static bool budget_take(struct retry_budget *budget)
{
	if (budget->left < TOKEN)
		return false;
	budget->left -= TOKEN;
	return true;
}

/* What was not executed may be sent again; what may have been, if twice is as good as once. */
static bool repeatable(const struct retry_failure *failure)
{
	return failure->refused || (failure->status == STATUS_UNAVAILABLE &&
	                            failure->idempotency != PRISM_IDEMPOTENCY_UNSPECIFIED);
}

/* The server's wish takes the place of the back-off; nobody comes earlier than it asked. */
static uint64_t pause_ms(const struct retry_policy *policy, const struct retry_failure *failure,
                         uint64_t random)
{
	uint64_t asked_ms = failure->pushback_ms;
	if (asked_ms > 0)
		return asked_ms + random % (asked_ms / 5 + 1);
	uint32_t wait_ms = policy->first_ms < policy->most_ms ? policy->first_ms : policy->most_ms;
	for (uint32_t i = 1; i < failure->failures && wait_ms < policy->most_ms; i++)
		wait_ms = backoff_grow(wait_ms, policy->most_ms);
	return backoff_spread(wait_ms, random);
}

bool retry_again(const struct retry_policy *policy, struct retry_budget *budget,
                 const struct retry_failure *failure, uint64_t random, uint64_t *at_ns)
{
	if (!repeatable(failure) || failure->failures >= policy->attempts_most)
		return false;
	uint64_t wait_ns = pause_ms(policy, failure, random) * NS_PER_MS;
	if (failure->now_ns >= failure->deadline_ns ||
	    wait_ns >= failure->deadline_ns - failure->now_ns)
		return false;
	*at_ns = failure->now_ns + wait_ns;
	return budget_take(budget);
}
