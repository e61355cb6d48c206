/* pool_fixture - a pool on a loop of its own, and what it was asked.
 *
 * Time is never measured; a test that hangs is ended by the fixture's watchdog. */
#pragma once
#include "db/control.h"
#include "pool_queries.h"
#include "tests/support/cluster.h"

#include <uv.h>

enum { NOTES_SIZE = 8192 };

struct fixture {
	struct cluster *cluster;
	uv_loop_t loop;
	uv_check_t check;
	uv_timer_t watchdog, pause;
	struct pool *pool;
	struct control *control;
	bool closed, control_closed, paused, hung;
	int available;    /* what changed() said last; -1: nothing yet */
	uint32_t changes; /* calls of changed() */
	uint32_t mismatches;
	char mismatch[512];
	char notes[NOTES_SIZE];
};

/* One request and its answer. */
struct ask {
	struct db_request request;
	struct param params[16]; /* copied: the caller's end with its statement */
	struct fixture *fixture;
	uint32_t answers; /* has to end at 1 */
	enum status status;
	enum outcome outcome;
	char sqlstate[6];
	char constraint[64];
	char message[256];
	int64_t value; /* the first column, if it is a number */
	size_t rows;
	void (*then)(struct ask *ask);
};

/* The schema that pool_queries.sql needs. */
void fixture_schema(struct cluster *cluster);

void fixture_open(struct fixture *fixture, struct cluster *cluster);
/* With the settings of fixture_open() unless `change` changes them. */
void fixture_pool(struct fixture *fixture, const struct pool_settings *settings);
struct pool_settings fixture_settings(struct fixture *fixture);
void fixture_control(struct fixture *fixture);
/* Closes the pool, whatever it is doing. */
void fixture_drop(struct fixture *fixture);
/* Asserts that nothing is left, closes the pool, the control connection and the loop. */
void fixture_close(struct fixture *fixture);

void ask_submit(struct fixture *fixture, struct ask *ask, const struct statement *statement,
                struct params params, uint64_t affinity);

/* The loop turns until the answer is there. */
void ask_await(struct ask *ask);

/* Submits and awaits. */
#define ASK(fixture, ask, statement, params)                            \
	do {                                                            \
		ask_submit((fixture), (ask), (statement), (params), 0); \
		ask_await(ask);                                         \
	} while (0)

/* The loop turns until `condition` holds. */
#define UNTIL(fixture, condition)                \
	do {                                     \
		while (!(condition))             \
			fixture_turn((fixture)); \
	} while (0)

void fixture_turn(struct fixture *fixture);
/* Lets the loop run for a while, so that something can go wrong. */
void fixture_pause(struct fixture *fixture, uint64_t ms);

/* The pid of a backend that sleeps in a statement like `pattern`; waits until there is one. */
int fixture_backend(struct fixture *fixture, const char *pattern);

struct pool_state fixture_state(const struct fixture *fixture);
/* All of `count` connections serve, and nothing is queued or in flight. */
bool fixture_calm(const struct fixture *fixture, uint32_t count);
