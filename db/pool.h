/* pool - a worker's connections to PostgreSQL: lanes, pipelines, reconnect, a bounded queue.
 *
 * Owns: its connections and its queue. Requests belong to who submitted them.
 * Lifetime: pool_open() .. pool_close(done). Thread: that of `loop`; a pool per worker, no locks.
 * It needs no PostgreSQL to open: it connects, and connects again, by itself.
 * Callbacks: pool_submit()'s `done` runs exactly once, never before pool_submit() returned, on the
 * loop's stack; unless pool_abandon() was called first, then never. Errors: by SQLSTATE
 * (db/sqlstate.def); UNAVAILABLE with OUTCOME_NOT_EXECUTED for a full queue, no database, or a
 * connection lost before the request was sent; UNAVAILABLE with OUTCOME_UNKNOWN for a write lost
 * after it was sent. Reads that were lost are sent again. A write is answered after the Sync of its
 * own group: PostgreSQL reports rows before the commit. */
#pragma once
#include "db/rows.h"

#include <stdatomic.h>
#include <uv.h>

struct pool;
struct control;

struct pool_settings {
	const char *conninfo; /* libpq connection string or URL; postgresql+DRIVER:// is accepted */
	uint32_t read_connections, write_connections;
	uint32_t queue_limit;      /* requests; 0: LIMIT_QUERY_QUEUE */
	uint32_t queue_timeout_ms; /* DATABASE_POOL_TIMEOUT: longest wait for a connection */
	uint32_t read_timeout_ms, write_timeout_ms; /* statement_timeout of the lane */
	struct control *control;                    /* for cancels; may be NULL */
	/* The schema check failed on the first connection: which statement, what differs. Runs
	 * once; requests are refused until the schema fits. NULL: this pool does not check. */
	void (*mismatch)(void *ctx, const char *message);
	/* Shared by the pools of a process: true once one of them found that the registry fits, so
	 * that the others need not look; false again when a pool lost all its connections or
	 * PostgreSQL speaks of a changed schema. NULL: this pool looks for itself. */
	atomic_bool *checked;
	/* The pool got its first usable connection, or lost its last. For health. */
	void (*changed)(void *ctx, bool available);
	/* A note for the operator's log: lost, reconnected, refused ("password authentication
	 * failed"); what repeats, only now and then. */
	void (*note)(void *ctx, const char *message);
	void *ctx;
};

struct db_error {
	char sqlstate[6];    /* "" when the server did not say */
	char constraint[64]; /* name of the violated constraint; "" */
	const char *message; /* for the log, static or in the result; never for callers */
};

struct db_answer {
	enum status status;
	enum outcome outcome;
	struct rows rows;      /* OK: to be cleared by the receiver */
	struct db_error error; /* not OK; its message is valid during done() */
};

struct db_request {
	const struct statement *statement;
	struct params params;
	/* A write's other half, executed right before it in the same Sync and transaction: takes
	 * the locks under which `statement` then reads what others have committed meanwhile. Its
	 * rows are dropped, its error is the request's. NULL: none. */
	const struct statement *lock;
	struct params lock_params;
	uint64_t affinity; /* writes of one project go one after the other; 0: of none */
	void (*done)(void *ctx, struct db_answer *answer);
	void *ctx;
	/* the pool's own */
	struct db_request *next, *prev;
	void *place; /* the queue or the pipeline's entry that it is in */
	uint64_t queued_ms, due_ms;
	uint8_t attempts, state;
	bool alone; /* with nobody else in its Sync, or its group */
};

MUST_CHECK
enum status pool_open(struct pool **pool, uv_loop_t *loop, const struct pool_settings *settings);
void pool_submit(struct pool *pool, struct db_request *request);

/* The caller no longer wants the answer: dropped if unsent; if sent, its result is discarded, and
 * the server is asked to cancel it when it holds up others. Returns whether it had been sent (then
 * a write's outcome is unknown). `request` is free at once. */
bool pool_abandon(struct pool *pool, struct db_request *request);

/* End of a turn: sends what was queued, one Sync and flush per connection. Cheap when nothing was.
 * What is queued later goes out before the loop sleeps. */
void pool_flush(struct pool *pool);

struct pool_state {
	uint32_t connected, connecting, in_flight, queued;
	uint64_t sent, syncs, reconnects, retries, cancels;
	bool available;
	char last_error[160];
};
void pool_state(const struct pool *pool, struct pool_state *out);

/* Fails what is queued and what is in flight, lets nothing new in, closes the connections, then
 * done(ctx). The loop may be closed after that. A name server that is being asked is waited for. */
void pool_close(struct pool *pool, void (*done)(void *ctx), void *ctx);
