/* backlog_rules - the rules of the services' own messages (prism.v1.Story, ...), held against a
 * line of an imported file before anything is sent. Private to backlog_check. */
#pragma once
#include "client/ctl/backlog.h"
#include "proto/rules.h"

/* False: `reason` says what is wrong with this field of the kind's message, and what is allowed
 * ("title: 300 characters, at most 255 are allowed"). A field of another name, or a value of
 * another type, keeps every rule. */
bool backlog_rules_check(enum backlog_kind kind, const char *name, const json_t *value,
                         char reason[WIRE_REASON_SIZE]);
