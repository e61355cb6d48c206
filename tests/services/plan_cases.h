/* plan_cases - for each registered statement what it is given and what its plan may read. */
#pragma once
#include "db/statement.h"

/* Every scan is by the full key of a unique index, unless `ranges` names its index and how many
 * rows it may read at a time: "INDEX ROWS, INDEX ROWS". */
struct plan_case {
	const char *statement;
	const char *values; /* "PARAMETER = EXPRESSION; ...": where it is not the usual one */
	const char
		*later; /* of a list: its page 10,000, which reads as much as `values`; or NULL */
	const char *ranges;
};

extern const struct plan_case plan_cases[];
extern const size_t plan_case_count;

enum { PLAN_CALL_SIZE = 8192 };

/* "EXECUTE NAME (VALUE, ...)" of a case. Fails the test if a parameter has no value. */
void plan_call(const struct statement *statement, const char *values, char call[PLAN_CALL_SIZE]);
