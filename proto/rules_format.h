/* rules_format - the forms that a string field may be held to. */
#pragma once
#include "proto/rules.h"

/* NULL if `text` has the form, else what it must be ("must be a UUID ..."), maybe followed by
 * *detail: what is wrong with it. Static texts. */
const char *format_fault(enum rule_format format, struct bytes text, const char **detail);
