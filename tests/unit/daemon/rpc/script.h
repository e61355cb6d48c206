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

/* One text column each. */
extern const struct statement script_read, script_write;
