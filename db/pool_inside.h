/* pool_inside - what the files of the pool share: pool.c (the interface), lane.c (who goes where),
 * member.c (one connection), answer.c (how a request ends), dial.c (connecting again), tick.c
 * (what time brings). Nobody else includes this. */
#pragma once
#include "db/control.h"
#include "db/flow.h"
#include "db/member.h"

enum {
	POOL_READ_PACK =
		4, /* reads of one turn that share a connection before the next one is taken */
	POOL_WRITE_DEPTH = 4,       /* writes in line on a connection: the next one is at hand when
	                               the commit is through, few stand behind a slow one */
	POOL_STALLED_MS = 20,       /* no new work behind a statement that runs longer */
	POOL_CANCEL_AFTER_MS = 250, /* how long an abandoned statement may run */
	POOL_LARGE_RESULT =
		4194304,    /* bytes: libpq's buffers never shrink, so the connection goes */
	POOL_HOPE_MS = 5000 /* how long requests wait for a PostgreSQL that is starting */
};

enum request_state {
	REQUEST_QUEUED, /* place: the queue */
	REQUEST_SENT,   /* place: the pipeline's entry */
	/* the rest: place is pool->ending; how it will be answered */
	REQUEST_REFUSED_FULL,
	REQUEST_REFUSED_TIMEOUT,
	REQUEST_REFUSED_DOWN,
	REQUEST_REFUSED_CLOSING,
	REQUEST_REFUSED_MEMORY,
	REQUEST_LOST, /* a write whose fate was not learned */
	REQUEST_STATES,
};

struct pool_lane {
	struct pool *pool;
	enum lane kind;
	struct conninfo *conninfo;
	struct member *members;
	uint32_t count;
	uint32_t serving; /* members that serve */
	uint32_t depth;   /* requests in line on one member at most */
	uint32_t timeout_ms;
	struct queue again;     /* to be sent before the others: sent once, and never ran */
	struct queue waiting;   /* not sent yet */
	struct queue gathering; /* what can be executed as one, until a group may go */
	struct queue delayed;   /* rolled back by a conflict: sent again when due */
	struct flows flows;
};

struct dial {
	uint32_t dialing;  /* members that are being connected */
	uint32_t failures; /* in a row, since the last success */
	uint32_t flaps;    /* connections that died young, in a row */
	uint64_t next_ms;  /* not before */
	uint64_t failing_since_ms, down_since_ms, noted_ms;
	struct failure last; /* "" while all is well */
	uint32_t random;
};

struct pool {
	uv_loop_t *loop;
	struct pool_settings settings;
	struct pool_lane lanes[LANE_COUNT];
	struct queue ending; /* to be answered from the loop's stack */
	struct dial dial;
	struct encoded encoded;
	uv_timer_t tick, soon;
	uv_prepare_t prepare;
	uint32_t queued; /* in the lanes' queues and flows */
	uint32_t handles;
	bool dirty; /* something may be sent */
	bool closing, mismatch_told, available;
	atomic_bool checked; /* where settings.checked points, if it is nobody else's */
	uint64_t sent, reconnects, retries, cancels, syncs;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* --- pool.c */
void pool_note(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Members that serve, in all lanes. */
uint32_t pool_serving(const struct pool *pool);
/* Answers what is ending, and gives up broken links, from the loop's stack. */
void pool_soon(struct pool *pool);

/* --- lane.c */
/* False: no memory. */
MUST_CHECK
bool lane_init(struct pool_lane *lane, struct pool *pool, enum lane kind, uint32_t count);
void lane_deinit(struct pool_lane *lane);
void lane_queue(struct pool_lane *lane, struct queue *queue, struct db_request *request);
/* Takes a queued request out of wherever it waits. */
void lane_unqueue(struct pool_lane *lane, struct db_request *request);
/* `owner` (NULL: abandoned) is through or was taken back: if it held its affinity's turn, the next
 * one has it. */
void lane_release(struct pool_lane *lane, uint64_t affinity, const struct db_request *owner);
/* Sends what can be sent now. */
void lane_dispatch(struct pool_lane *lane);
/* Nothing serves, and as far as we know nothing will soon: requests are refused. */
bool lane_hopeless(const struct pool_lane *lane);
/* Ends each queued request that `ends` names; NULL: every one. */
void lane_end_queued(struct pool_lane *lane, enum request_state how,
                     bool (*ends)(const struct pool_lane *lane, const struct db_request *request));

/* --- answer.c */
void answer_settled(struct pipeline *pipeline, const struct entry *entry, enum settlement how,
                    PGresult *result);
/* Soon, from the loop's stack. */
void answer_end(struct pool *pool, struct db_request *request, enum request_state how);
/* Answers all that is ending. */
void answer_ending(struct pool *pool);

/* --- dial.c */
void dial_step(struct pool *pool);
void dial_served(struct member *member);
void dial_failed(struct member *member, const struct failure *failure);
void dial_lost(struct member *member, const char *why);
/* A connection that was given up on purpose. */
void dial_recycled(struct member *member);

/* --- tick.c */
/* Time matters now: something is queued, abandoned, delayed or not connected. */
void tick_need(struct pool *pool);
void tick_run(uv_timer_t *timer);
