#include "daemon/services/constraint.h"

#include "daemon/rpc/detail.h"
#include "daemon/services/values.h"

#include <stdio.h>
#include <string.h>

enum { FIELD_SIZE = 64 };

static const struct {
	const char *name;
	enum reason reason;
	const char *field, *text;
} constraints[] = {
#define CONSTRAINT(name, reason, field, text) {name, REASON_##reason, field, text},
#include "daemon/services/constraint.def"
#undef CONSTRAINT
};

/* Two calls with one request_id at the same time: the other one's fate is not known yet. */
static enum status repeated(struct call *call)
{
	return call_fail_outcome(call, STATUS_ABORTED, OUTCOME_NOT_EXECUTED,
	                         "another call with this request_id interfered; try again");
}

/* Whether the request has what the field ("story.epic_id") begins with. */
static bool has(const struct call *call, const char *field)
{
	char name[FIELD_SIZE];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(field, "."), field);
	return protobuf_c_message_descriptor_get_field_by_name(call->method->request, name);
}

enum status constraint_explain(struct call *call, enum status status, const struct db_error *error)
{
	if (strcmp(error->constraint, "idempotency_keys_pkey") == 0)
		return repeated(call);
	for (size_t i = 0; i < sizeof(constraints) / sizeof(*constraints); i++)
		if (strcmp(error->constraint, constraints[i].name) == 0)
			return has(call, constraints[i].field)
			               ? value_refused(call, constraints[i].reason,
			                               constraints[i].field, constraints[i].text)
			               : call_fail_for(call, constraints[i].reason, "%s",
			                               constraints[i].text);
	return status;
}
