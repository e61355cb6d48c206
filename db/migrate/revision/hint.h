/* hint - renames that the declared schema tells: `-- prism: renamed from old_name`.
 *
 * At the end of a line it is about what that line begins with: a column, a constraint, an enum's
 * label, or what CREATE makes; on a line of its own, about the line that follows. Owns: its texts.
 * Errors: a message that names file and line. */
#pragma once
#include "db/migrate/shadow/declared.h"

struct hint {
	enum kind kind;
	char *old_name, *new_name; /* as the catalog has them; of a label: old_label and new_label
	                              of an enum */
	char *old_label, *new_label;
	char *up, *down;  /* the statements */
	const char *file; /* the declared file's */
	unsigned line;
	bool used; /* the migrations have the new name already */
};

struct hints {
	struct hint *at;
	size_t count;
};

/* `declared` has to outlive the hints. */
MUST_CHECK
bool hints_read(struct hints *hints, const struct declared *declared, char *message,
                size_t message_size);

/* Which are used up, going by what the migrations build. False: one names what is not there. */
MUST_CHECK
bool hints_settle(struct hints *hints, const struct catalog *built, char *message,
                  size_t message_size);
void hints_clear(struct hints *hints);
