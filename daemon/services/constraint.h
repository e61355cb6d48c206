/* constraint - a violated rule of the data as a reason that callers know (constraint.def). */
#pragma once
#include "daemon/rpc/query.h"

/* What query_write() failed with: the reason of the constraint, if the table has it; else `status`,
 * as it was said. */
MUST_CHECK
enum status constraint_explain(struct call *call, enum status status, const struct db_error *error);
