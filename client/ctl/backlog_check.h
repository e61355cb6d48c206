/* backlog_check - what a line of an imported file may say (backlog_fields.def). */
#pragma once
#include "client/ctl/backlog.h"

/* Says what is wrong with a line, and of which kind it is; false: of none. */
bool backlog_check(struct backlog *backlog, const struct entry *entry, enum backlog_kind *kind);

/* The field by which a line names another one that the server has not taken; NULL: none. */
const char *backlog_unmet(const struct backlog *backlog, const struct entry *entry,
                          enum backlog_kind kind);

/* What only the whole file shows: an organization, names that are there once. */
void backlog_check_whole(struct backlog *backlog);
