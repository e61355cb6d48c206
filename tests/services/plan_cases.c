#include "tests/services/plan_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const struct plan_case plan_cases[] = {
#define PLAN(statement, values)                {#statement, values, NULL, ""},
#define RANGE(statement, values, ranges)       {#statement, values, NULL, ranges},
#define LIST(statement, values, later, ranges) {#statement, values, later, ranges},
#include "tests/services/plan_cases.def"
};
const size_t plan_case_count = sizeof(plan_cases) / sizeof(plan_cases[0]);

/* A member of the big organization, at work in its biggest project. */
static const struct {
	const char *name, *value;
} usual[] = {
#define USUAL(name, value) {#name, value},
#include "tests/services/plan_cases.def"
};

/* The text behind "NAME = " up to the next semicolon; 0: it is not there. */
static size_t find_value(const char *values, const char *name, const char **value)
{
	for (const char *at = values; *at; at += strcspn(at, ";"), at += strspn(at, "; ")) {
		size_t length = strlen(name);
		if (strncmp(at, name, length) == 0 && strncmp(at + length, " = ", 3) == 0) {
			*value = at + length + 3;
			return strcspn(*value, ";");
		}
	}
	return 0;
}

static size_t find_usual(const char *name, const char **value)
{
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (strcmp(usual[i].name, name) == 0) {
			*value = usual[i].value;
			return strlen(*value);
		}
	}
	return 0;
}

/* Arrays are empty and what may be NULL is NULL, unless something else is said. */
static size_t value_of(const struct statement *statement, const struct param_spec *param,
                       const char *values, const char **value)
{
	size_t length = find_value(values, param->name, value);
	if (length == 0)
		length = find_usual(param->name, value);
	if (length > 0)
		return length;
	bool array = param->type >= DB_INT8_ARRAY;
	if (!array && !param->nullable)
		fail_msg("plan_cases.def: statement %s: no value for %s", statement->name,
		         param->name);
	*value = array ? "'{}'" : "NULL";
	return strlen(*value);
}

void plan_call(const struct statement *statement, const char *values, char call[PLAN_CALL_SIZE])
{
	size_t length = (size_t)snprintf(call, PLAN_CALL_SIZE, "EXECUTE %s", statement->name);
	for (size_t i = 0; i < statement->param_count; i++) {
		const char *value = NULL;
		size_t value_length = value_of(statement, &statement->params[i], values, &value);
		length += (size_t)snprintf(call + length, PLAN_CALL_SIZE - length, "%s%.*s",
		                           i ? ", " : " (", (int)value_length, value);
		assert_true(length < PLAN_CALL_SIZE - 1);
	}
	if (statement->param_count)
		strcpy(call + length, ")");
}
