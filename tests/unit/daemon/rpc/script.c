#include "tests/unit/daemon/rpc/script.h"

#include "daemon/rpc/fiber.h"

#include <endian.h>
#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct column_spec columns[] = {{"title", DB_TEXT, false}};
const struct statement script_read = {
	.name = "script_read", .lane = LANE_READ, .column_count = 1, .columns = columns};
const struct statement script_write = {
	.name = "script_write", .lane = LANE_WRITE, .column_count = 1, .columns = columns};

void pool_submit(struct pool *pool, struct db_request *request)
{
	assert_null(fiber_current());
	pool->submitted++;
	struct db_request **last = &pool->first;
	while (*last)
		last = &(*last)->next;
	request->next = NULL;
	*last = request;
}

bool pool_abandon(struct pool *pool, struct db_request *request)
{
	assert_null(fiber_current());
	pool->abandoned++;
	struct db_request **link = &pool->first;
	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
	return pool->sends;
}

static struct db_request *take(struct pool *pool)
{
	struct db_request *request = pool->first;
	assert_non_null(request);
	pool->first = request->next;
	return request;
}

static void answer_one(struct pool *pool, const void *value, size_t len)
{
	struct db_request *request = take(pool);
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc column = {.name = "title", .format = 1};
	assert_true(result && PQsetResultAttrs(result, 1, &column));
	assert_true(PQsetvalue(result, 0, 0, (char *)value, (int)len));
	struct db_answer answer = {
		.status = STATUS_OK,
		.outcome = OUTCOME_EXECUTED,
		.rows = {(struct pg_result *)result, 1, request->statement},
	};
	request->done(request->ctx, &answer);
}

void script_answer(struct pool *pool, const char *text)
{
	answer_one(pool, text, strlen(text));
}

void script_answer_number(struct pool *pool, int64_t number)
{
	uint64_t wire = htobe64((uint64_t)number);
	answer_one(pool, &wire, sizeof(wire));
}

void script_fail(struct pool *pool, enum status status, enum outcome outcome, const char *sqlstate)
{
	struct db_request *request = take(pool);
	char message[] = "duplicate key value violates \"stories_key\": SELECT secret";
	struct db_answer answer = {.status = status, .outcome = outcome};
	snprintf(answer.error.sqlstate, sizeof(answer.error.sqlstate), "%s", sqlstate);
	snprintf(answer.error.constraint, sizeof(answer.error.constraint), "stories_key");
	answer.error.message = message;
	request->done(request->ctx, &answer);
	memset(message, 'x', sizeof(message) - 1);
}
