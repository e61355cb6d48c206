/* plan - the statements that lead from one schema to another, in an order in which they run.
 *
 * Owns: its texts. Lifetime: plan_make() .. plan_free(); borrows nothing. Thread: any; immutable.
 * Out of memory ends the program: this is for tools. */
#pragma once
#include "db/migrate/catalog/catalog.h"

enum place {
	PLACE_INSIDE,  /* in a transaction with its neighbours */
	PLACE_ALONE,   /* in a transaction of its own */
	PLACE_OUTSIDE, /* in no transaction block */
};

struct statement {
	char *text; /* without the semicolon */
	enum place place;
	const char *hazard; /* what to know before running it, or NULL; static */
	bool forward;       /* a function whose text may name what comes later */
};

struct plan {
	struct statement *at;
	size_t count;
	char *by_hand; /* differences that prism-db does not write, a line each; "" is usual */
};

struct plan_settings {
	bool online; /* forms that keep a table in use while they run; some cannot be in a
	                transaction */
};

struct plan *plan_make(const struct catalog *from, const struct catalog *to,
                       const struct plan_settings *settings);
void plan_free(struct plan *plan);

/* All of it, for people and for psql: each statement with its semicolon, hazards as comments above.
 * The caller frees it. */
char *plan_text(const struct plan *plan);

/* Each object that differs, for people: `from` NULL: it is missing there, `to` NULL: it is more
 * than there should be. What comes or than there should be. */
void plan_differences(const struct catalog *from, const struct catalog *to,
                      void (*each)(void *ctx, const struct object *from, const struct object *to),
                      void *ctx);
