/* draft - the two texts of a migration while it is made. Private to revision/. */
#pragma once
#include "db/migrate/diff/plan.h"
#include "db/migrate/memory.h"
#include "db/migrate/revision/hint.h"

enum { DRAFT_PLANS_MAX = 4 };

/* The statements of one direction: plans, with renames before the first one (up) or behind it
 * (down). */
struct draft {
	const struct hints *renames;
	bool up;
	struct plan *plans[DRAFT_PLANS_MAX];
	size_t count;
};

/* Takes the plan. */
void draft_add(struct draft *draft, struct plan *plan);
bool draft_is_empty(const struct draft *draft);

/* The file, with the comment lines that it begins with. The caller frees it. */
char *draft_text(const struct draft *draft, const char *comment);
void draft_clear(struct draft *draft);
