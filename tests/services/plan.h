/* plan - how PostgreSQL would run a statement, and what that read: EXPLAIN, as a list of scans.
 *
 * Owns: nothing but the texts in it. Lifetime: plan_explain() .. plan_free(). Errors: what cannot
 * be explained fails the cmocka test. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>
#include <libpq-fe.h>

enum { PLAN_SCANS_MAX = 128 };

/* One node that reads a table or an index. */
struct plan_scan {
	const char *node;      /* "Index Scan" */
	const char *table;     /* NULL: a Bitmap Index Scan */
	const char *index;     /* NULL: none */
	const char *condition; /* of the index; "" */
	long rows;  /* read each time, in the mean: returned or thrown away by a filter */
	long loops; /* how often; 0: not at all this time */
};

struct plan {
	json_t *json;
	size_t count;
	struct plan_scan scans[PLAN_SCANS_MAX];
};

/* Runs `sql` (EXECUTE ...) in a transaction that is rolled back, after `before` (NULL: nothing). */
void plan_explain(struct plan *plan, PGconn *pg, const char *before, const char *sql);
void plan_free(struct plan *plan);

/* Rows read by all scans together. */
long plan_rows(const struct plan *plan);

/* Whether the scan's condition equates every column of its index, and of a unique one: it finds one
 * row at most, and passes over none. */
bool plan_scan_is_by_full_key(PGconn *pg, const struct plan_scan *scan);
