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

struct rows script_rows(const struct statement *statement, const struct cell *cells, size_t rows)
{
	int columns_count = statement->column_count;
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc *attributes = calloc((size_t)columns_count, sizeof(*attributes));
	assert_true(result && attributes);
	for (int i = 0; i < columns_count; i++)
		attributes[i] =
			(PGresAttDesc){.name = (char *)statement->columns[i].name, .format = 1};
	assert_true(PQsetResultAttrs(result, columns_count, attributes));
	free(attributes);
	for (size_t row = 0; row < rows; row++)
		for (int i = 0; i < columns_count; i++, cells++)
			assert_true(PQsetvalue(result, (int)row, i, (char *)cells->at,
			                       cells->at ? (int)cells->len : -1));
	return (struct rows){(struct pg_result *)result, rows, statement};
}

void script_answer_rows(struct pool *pool, const struct cell *cells, size_t rows)
{
	struct db_request *request = take(pool);
	struct db_answer answer = {
		.status = STATUS_OK,
		.outcome = OUTCOME_EXECUTED,
		.rows = script_rows(request->statement, cells, rows),
	};
	request->done(request->ctx, &answer);
}

void script_answer(struct pool *pool, const char *text)
{
	script_answer_rows(pool, &(struct cell){text, strlen(text)}, 1);
}

void script_answer_number(struct pool *pool, int64_t number)
{
	uint64_t wire = htobe64((uint64_t)number);
	script_answer_rows(pool, &(struct cell){&wire, sizeof(wire)}, 1);
}

static void refuse(struct pool *pool, struct db_answer answer, const char *sqlstate,
                   const char *constraint)
{
	struct db_request *request = take(pool);
	char message[] = "duplicate key value violates \"stories_key\": SELECT secret";
	snprintf(answer.error.sqlstate, sizeof(answer.error.sqlstate), "%s", sqlstate);
	snprintf(answer.error.constraint, sizeof(answer.error.constraint), "%s", constraint);
	answer.error.message = message;
	request->done(request->ctx, &answer);
	memset(message, 'x', sizeof(message) - 1);
}

void script_fail(struct pool *pool, enum status status, enum outcome outcome, const char *sqlstate)
{
	refuse(pool, (struct db_answer){.status = status, .outcome = outcome}, sqlstate,
	       "stories_key");
}

void script_violate(struct pool *pool, enum status status, const char *sqlstate,
                    const char *constraint)
{
	refuse(pool, (struct db_answer){.status = status, .outcome = OUTCOME_EXECUTED}, sqlstate,
	       constraint);
}
