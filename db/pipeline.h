/* pipeline - what is in flight on one connection: requests out, results in, in order.
 *
 * Reads share a Sync (a segment): an error aborts those behind it in the segment, which never ran
 * and are handed back. A write has a Sync of its own, shared with its lock if it has one, and
 * settles with it. A group of writes is one statement: each gets its row, and when it fails all are
 * handed back. An abandoned request leaves its place in line (a zombie),
 * whose result is thrown away.
 *
 * Owns: its ring and the results that it holds back; not the connection.
 * Thread: the connection's loop. Callbacks: settled(), once for each request or zombie. */
#pragma once
#include "db/connection.h"
#include "db/encode.h"
#include "db/pool.h"
#include "proto/limits.h"

enum {
	/* each read may have a Sync of its own, and the last Sync may outlive its reads */
	PIPELINE_ENTRIES = 2 * LIMIT_QUERY_DEPTH + 2,
	PIPELINE_SEGMENT = 32, /* reads that share a Sync at most */
	PIPELINE_GROUP = 16,   /* writes that are one statement at most */
};

enum entry_kind { ENTRY_READ, ENTRY_WRITE, ENTRY_SYNC };

enum entry_state {
	ENTRY_SENT,   /* nothing came back yet */
	ENTRY_RESULT, /* its result came, the end of its results did not */
	ENTRY_HELD,   /* a write: its result waits for its Sync */
};

enum settlement {
	SETTLED,          /* `result` says how */
	SETTLED_ABORTED,  /* nothing was done: a neighbour of its segment failed, or its group */
	SETTLED_LOST,     /* the link died; it may have run */
	SETTLED_LOST_OUT, /* the link died; it never ran */
};

struct pipeline;

struct entry {
	struct db_request *request; /* NULL: a Sync, or abandoned */
	PGresult *held;
	uint64_t affinity;
	size_t group_bytes; /* told to settled(): how large the result of its group was; 0: no group
	                     */
	uint64_t since_ms;  /* told to settled(): since when its segment was the first in line */
	struct pipeline *pipeline;
	enum entry_kind kind;
	enum entry_state state;
	bool locks;  /* a write: the result of its lock comes first */
	bool groups; /* a write that was, or could have been, executed with others */
	bool more;   /* a write: the next entry is of its group, whose state is the first one's */
};

struct pipeline {
	struct db_connection *connection;
	/* entry->request may be NULL (a zombie). `result` is the receiver's (NULL unless SETTLED).
	 * `entry` is a copy, valid during the call. */
	void (*settled)(struct pipeline *pipeline, const struct entry *entry, enum settlement how,
	                PGresult *result);
	uint32_t first, count; /* of the ring */
	uint32_t requests;     /* queries in the ring, zombies too */
	uint32_t zombies;
	uint32_t unsynced; /* reads sent since the last Sync */
	uint32_t grouping; /* of the requests: those that group */
	/* PostgreSQL answers a segment as a whole: which of its statements runs is not known, only
	 * since when the first segment in line runs, and when a result came last. */
	uint64_t segment_ms, progress_ms;
	uint64_t syncs;
	bool last_words; /* PostgreSQL itself said FATAL: what is still in line never ran */
	bool broken;     /* libpq refused to send: the link is to be given up */
	struct entry ring[PIPELINE_ENTRIES];
};

void pipeline_init(struct pipeline *pipeline, struct db_connection *connection,
                   void (*settled)(struct pipeline *pipeline, const struct entry *entry,
                                   enum settlement how, PGresult *result));

/* Sends one request; `alone`: a read with a Sync of its own. The caller saw that there is room.
 * False: no memory, or a broken link; nothing was sent. */
MUST_CHECK
bool pipeline_send(struct pipeline *pipeline, struct db_request *request, struct encoded *encoded,
                   bool alone);

/* Sends up to PIPELINE_GROUP executions of a statement that has a `many` as one, without locks. The
 * caller saw that there is room. False: no memory, or a broken link; nothing was sent. */
MUST_CHECK
bool pipeline_send_group(struct pipeline *pipeline, struct db_request *const *requests,
                         uint32_t count, struct encoded *encoded);

/* End of a turn: the Sync of the reads, and everything out. False: the link is dead. */
MUST_CHECK
bool pipeline_flush(struct pipeline *pipeline);

/* Settles what the connection's input completed. False: the link is dead (or PostgreSQL and we
 * disagree): pipeline_fail() is due. */
MUST_CHECK
bool pipeline_pump(struct pipeline *pipeline);

/* Nobody waits for this one any more. */
void pipeline_abandon(struct entry *entry);

/* The link is gone: settles everything in line. */
void pipeline_fail(struct pipeline *pipeline);

/* Since when nothing came back, in ms; 0 with nothing in line. */
uint64_t pipeline_waiting_ms(const struct pipeline *pipeline);

/* An abandoned statement is in the first segment in line. */
bool pipeline_held_up_by_zombie(const struct pipeline *pipeline);
