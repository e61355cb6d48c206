/* script - the pool's interface (db/pool.h) in the hands of a test: requests wait until the test
 * answers them. The results are libpq's own. */
#pragma once
#include "db/pool.h"

struct pool {
	struct db_request *first; /* not answered, oldest first */
	size_t submitted, abandoned;
	bool sends; /* what is abandoned had been sent */
};

/* Answers the oldest request with one row of one text. */
void script_answer(struct pool *pool, const char *text);

/* The same with one int8. */
void script_answer_number(struct pool *pool, int64_t number);

/* Fails the oldest request; `sqlstate` and `message` as PostgreSQL would say them, or "". */
void script_fail(struct pool *pool, enum status status, enum outcome outcome, const char *sqlstate);

/* Fails it as PostgreSQL does for a constraint. */
void script_violate(struct pool *pool, enum status status, const char *sqlstate,
                    const char *constraint);

/* A column of a row in its binary form; `at` NULL: NULL. */
struct cell {
	const void *at;
	size_t len;
};

/* Rows of a statement, to be cleared by rows_clear(); `cells`: row after row. */
struct rows script_rows(const struct statement *statement, const struct cell *cells, size_t rows);

/* Answers the oldest request with rows of its statement. */
void script_answer_rows(struct pool *pool, const struct cell *cells, size_t rows);

/* One text column each. */
extern const struct statement script_read, script_write;
