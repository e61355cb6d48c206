/* retry - whether a call that failed is sent again, and when; after gRPC's design (gRFC A6).
 *
 * Nothing here looks at a clock or makes random numbers: both are arguments. Units: *_ms
 * milliseconds, *_ns nanoseconds of any one clock. */
#pragma once
#include "proto/status.h"

#include <prism/client.h>

/* --- how often, and with what pauses ----------------------------------------------- */

struct retry_policy {
	uint32_t attempts_most, first_ms, most_ms;
};

extern const struct retry_policy RETRY_DEFAULT;

/* What `options` says; where it says 0, `policy` stays. NULL, or what is wrong with it. */
const char *retry_policy_set(struct retry_policy *policy, const struct prism_retry *options);

/* --- how many, beside the calls that go well ----------------------------------------- */

/* A retry costs a token, a call that ends well returns a part of one: a server in trouble is not
 * sent a multiple of its load. Counted in hundredths of a token. */
struct retry_budget {
	uint32_t left, most, earned;
};

/* tokens 0: 1,000; percent 0: 10. NULL, or what is wrong. */
const char *retry_budget_init(struct retry_budget *budget, uint32_t tokens, uint32_t percent);

/* A call ended with OK. */
void retry_budget_earn(struct retry_budget *budget);

/* --- one failure ------------------------------------------------------------------------- */

struct retry_failure {
	enum status status;
	bool refused; /* the server told that nothing of it was executed, and to try again */
	enum prism_idempotency idempotency;
	uint32_t failures;            /* how many attempts of the call have failed, this one too */
	uint32_t pushback_ms;         /* the server asked to wait so long; 0: it did not */
	uint64_t now_ns, deadline_ns; /* deadline: UINT64_MAX: none */
};

/* True: at *at_ns, before the deadline; a token was taken. `random` is any number. */
MUST_CHECK
bool retry_again(const struct retry_policy *policy, struct retry_budget *budget,
                 const struct retry_failure *failure, uint64_t random, uint64_t *at_ns);
