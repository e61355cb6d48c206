#include "daemon/services/constraint.h"

#include "daemon/rpc/detail.h"

#include <string.h>

static const struct {
	const char *name;
	enum reason reason;
	const char *text;
} constraints[] = {
#define CONSTRAINT(name, reason, text) {name, REASON_##reason, text},
#include "daemon/services/constraint.def"
#undef CONSTRAINT
};

/* Two calls with one request_id at the same time: the other one's fate is not known yet. */
static enum status repeated(struct call *call)
{
	return call_fail_outcome(call, STATUS_ABORTED, OUTCOME_NOT_EXECUTED,
	                         "another call with this request_id interfered; try again");
}

enum status constraint_explain(struct call *call, enum status status, const struct db_error *error)
{
	if (strcmp(error->constraint, "idempotency_keys_pkey") == 0)
		return repeated(call);
	for (size_t i = 0; i < sizeof(constraints) / sizeof(*constraints); i++)
		if (strcmp(error->constraint, constraints[i].name) == 0)
			return call_fail_for(call, constraints[i].reason, "%s",
			                     constraints[i].text);
	return status;
}
