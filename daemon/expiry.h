/* expiry - removes what has outlived its use: idempotency keys that are a day old.
 *
 * At the start and once a minute, in batches, one after the other with a pause, so that calls find
 * connections free; rows that somebody else works on are left for the next time, so several daemons
 * do not wait for each other. One worker of a process does it, with its own pool. Owns: a timer and
 * one request. Lifetime: expiry_open() .. expiry_close() .. the loop has run once more. Thread: its
 * worker's. Errors: logged; the next minute tries again. */
#pragma once
#include "daemon/rpc/rpc.h"
#include "db/pool.h"

enum {
	EXPIRY_AGE_HOURS = 24,    /* as long as a repeated request_id is promised to be known */
	EXPIRY_BATCH_ROWS = 1000, /* a few milliseconds of PostgreSQL */
	EXPIRY_PAUSE_MS = 50,     /* between full batches: up to 20,000 rows a second */
	EXPIRY_EVERY_MS = 60000,
};

struct expiry {
	struct rpc *rpc; /* NULL: never opened */
	uv_timer_t timer;
	struct db_request request;
	struct param params[2];
	int64_t removed; /* since the pass began */
	bool asking;
};

/* The first pass begins when the loop runs. */
void expiry_open(struct expiry *expiry, struct rpc *rpc);

/* After rpc->pool was closed. */
void expiry_close(struct expiry *expiry);
