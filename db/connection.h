/* connection - one libpq connection on a uv loop: connects without blocking, then reads and
 * flushes.
 *
 * libpq may close its socket and open another one under the same number while it connects, and
 * closes it in PQfinish(); so the loop watches a duplicate, which is closed in its handle's close
 * callback.
 *
 * Owns: the PGconn, its handles. Lifetime: db_connection_init() .. db_connection_deinit(done); in
 * between it may be opened and closed any number of times. Thread: its loop's.
 * Callbacks: never before the function that caused them returned. They may close the connection.
 * Units: milliseconds. */
#pragma once
#include "db/conninfo.h"
#include "db/failure.h"

#include <libpq-fe.h>
#include <uv.h>

struct watch;
struct resolve;
struct db_connection;

enum db_connection_state {
	LINK_CLOSED,     /* nothing is there */
	LINK_RESOLVING,  /* a name server was asked */
	LINK_CONNECTING, /* libpq negotiates */
	LINK_OPEN,       /* in pipeline mode */
};

struct db_connection_ops {
	void (*opened)(struct db_connection *connection);
	/* It could not be opened; it is closed again. */
	void (*failed)(struct db_connection *connection, const struct failure *failure);
	/* Input was taken in: results may be there. `alive` false: there will be no more. */
	void (*readable)(struct db_connection *connection, bool alive);
	/* What db_connection_flush() left is sent. */
	void (*writable)(struct db_connection *connection);
};

struct db_connection {
	uv_loop_t *loop;
	const struct conninfo *conninfo;
	const struct db_connection_ops *ops;
	PGconn *pg; /* while CONNECTING or OPEN */
	enum db_connection_state state;
	bool blocked;         /* output waits for the socket: send nothing more */
	char last_words[160]; /* the FATAL that PostgreSQL ended the session with */
	/* private */
	struct watch *watch;
	struct resolve *resolve;
	struct conninfo *resolved;
	uv_timer_t timer;
	uint32_t handles;
	void (*done)(struct db_connection *connection);
};

/* `conninfo` outlives it. */
void db_connection_init(struct db_connection *connection, uv_loop_t *loop,
                        const struct conninfo *conninfo, const struct db_connection_ops *ops);

/* From CLOSED. opened() or failed() follows, within CONNECT_TIMEOUT_MS. */
void db_connection_open(struct db_connection *connection);

/* Sends what libpq holds; arms the socket if not all went out. False: the link is dead. */
MUST_CHECK
bool db_connection_flush(struct db_connection *connection);

/* Keeps what a FATAL says, as the reason for the end that follows. True: it was one. */
bool db_connection_hear(struct db_connection *connection, const PGresult *result);

/* To CLOSED at once, from any state, without a callback. */
void db_connection_close(struct db_connection *connection);

/* Closes; done(connection) when no handle of it is left on the loop. */
void db_connection_deinit(struct db_connection *connection,
                          void (*done)(struct db_connection *connection));
