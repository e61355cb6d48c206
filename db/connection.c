#include "db/connection.h"

#include "db/resolve.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECT_TIMEOUT_MS = 5000 };

/* Of the libssl that libpq brings along; absent where libpq has no TLS. */
extern int SSL_pending(const void *ssl) __attribute__((weak));

/* A duplicate of libpq's descriptor on the loop. Frees itself when the loop let go of it. */
struct watch {
	uv_poll_t poll;
	int descriptor;
	int events;
	struct db_connection *connection;
};

/* One handle less: the last one ends a db_connection_deinit(). */
static void handle_gone(struct db_connection *connection)
{
	assert(connection->handles > 0);
	if (--connection->handles == 0 && connection->done)
		connection->done(connection);
}

static void watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	struct db_connection *connection = watch->connection;
	close(watch->descriptor);
	free(watch);
	handle_gone(connection);
}

static void watch_end(struct db_connection *connection)
{
	if (!connection->watch)
		return;
	uv_close((uv_handle_t *)&connection->watch->poll, watch_closed);
	connection->watch = NULL;
}

static bool same_socket(int a, int b)
{
	struct stat first, second;
	return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
	       first.st_dev == second.st_dev;
}

static bool watch_begin(struct db_connection *connection)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return false;
	watch->descriptor = fcntl(PQsocket(connection->pg), F_DUPFD_CLOEXEC, 0);
	if (watch->descriptor < 0 ||
	    uv_poll_init(connection->loop, &watch->poll, watch->descriptor) != 0) {
		if (watch->descriptor >= 0)
			close(watch->descriptor);
		free(watch);
		return false;
	}
	watch->poll.data = watch;
	watch->connection = connection;
	connection->watch = watch;
	connection->handles++;
	return true;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static bool watch_events(struct watch *watch, int events)
{
	if (watch->events == events)
		return true;
	watch->events = events;
	return uv_poll_start(&watch->poll, events, on_poll) == 0;
}

/* Waits for `events` on the socket that libpq has now. False: out of descriptors or memory. */
static bool watch_for(struct db_connection *connection, int events)
{
	struct watch *watch = connection->watch;
	if (watch && !same_socket(watch->descriptor, PQsocket(connection->pg)))
		watch_end(connection);
	if (!connection->watch && !watch_begin(connection))
		return false;
	return watch_events(connection->watch, events);
}

static void fail(struct db_connection *connection, const struct failure *failure)
{
	db_connection_close(connection);
	connection->ops->failed(connection, failure);
}

static void fail_with_words(struct db_connection *connection, const char *words)
{
	struct failure failure = {.kind = FAILURE_NETWORK};
	snprintf(failure.message, sizeof(failure.message), "%s", words);
	fail(connection, &failure);
}

static void fail_with_libpq(struct db_connection *connection, bool reached)
{
	struct failure failure;
	failure_from_libpq(&failure, reached,
	                   connection->pg ? PQerrorMessage(connection->pg) : "no memory");
	fail(connection, &failure);
}

bool db_connection_hear(struct db_connection *connection, const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (!severity || (strcmp(severity, "FATAL") != 0 && strcmp(severity, "PANIC") != 0))
		return false;
	snprintf(connection->last_words, sizeof(connection->last_words), "%s", words ? words : "");
	return true;
}

/* Notices are for psql; but a FATAL out of turn is why the link ends soon. */
static void on_notice(void *ctx, const PGresult *result)
{
	(void)db_connection_hear(ctx, result);
}

static void become_open(struct db_connection *connection)
{
	PQsetErrorVerbosity(connection->pg, PQERRORS_DEFAULT);
	if (PQsetnonblocking(connection->pg, 1) != 0 || PQenterPipelineMode(connection->pg) != 1 ||
	    !watch_for(connection, UV_READABLE)) {
		fail_with_words(connection, "no descriptor or memory for a connection");
		return;
	}
	uv_timer_stop(&connection->timer);
	connection->state = LINK_OPEN;
	connection->ops->opened(connection);
}

static void connect_step(struct db_connection *connection)
{
	bool reached = PQstatus(connection->pg) != CONNECTION_STARTED;
	PostgresPollingStatusType step = PQconnectPoll(connection->pg);
	if (step == PGRES_POLLING_OK) {
		become_open(connection);
		return;
	}
	if (step == PGRES_POLLING_FAILED) {
		fail_with_libpq(connection, reached);
		return;
	}
	int events = step == PGRES_POLLING_READING ? UV_READABLE : UV_WRITABLE;
	if (!watch_for(connection, events))
		fail_with_words(connection, "no descriptor for a connection");
}

/* Takes in all that arrived: what TLS has decrypted already, no loop can see. */
static bool consume(PGconn *pg)
{
	if (!PQconsumeInput(pg))
		return false;
	void *tls = SSL_pending ? PQgetssl(pg) : NULL;
	while (tls && SSL_pending(tls) > 0)
		if (!PQconsumeInput(pg))
			return false;
	return true;
}

static int wanted_events(const struct db_connection *connection)
{
	return connection->blocked ? UV_READABLE | UV_WRITABLE : UV_READABLE;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct db_connection *connection = watch->connection;
	/* libuv reports a broken socket once and stops watching it; what PostgreSQL said before is
	 * still to be read, perhaps in more than one step. */
	if (status < 0)
		watch->events = 0;
	if (connection->state == LINK_CONNECTING) {
		connect_step(connection);
		return;
	}
	if (events & UV_WRITABLE) {
		bool alive = db_connection_flush(connection);
		if (alive && !connection->blocked)
			connection->ops->writable(connection);
	}
	/* A callback may have closed the connection. */
	if (connection->watch == watch && (events & UV_READABLE || status < 0))
		connection->ops->readable(connection, consume(connection->pg));
	if (connection->watch == watch && !watch_events(watch, wanted_events(connection)))
		connection->ops->readable(connection, false);
}

/* libpq's own state machine begins; its DNS look-up never happens, the addresses are there. */
static void start_libpq(struct db_connection *connection, const struct conninfo *conninfo)
{
	connection->state = LINK_CONNECTING;
	connection->pg =
		PQconnectStartParams(conninfo_keywords(conninfo), conninfo_values(conninfo), 0);
	if (connection->pg) {
		PQsetErrorVerbosity(connection->pg, PQERRORS_VERBOSE);
		PQsetNoticeReceiver(connection->pg, on_notice, connection);
	}
	if (!connection->pg || PQstatus(connection->pg) == CONNECTION_BAD)
		fail_with_libpq(connection, false);
	else if (!watch_for(connection, UV_WRITABLE))
		fail_with_words(connection, "no descriptor for a connection");
}

static void on_resolved(void *ctx, struct conninfo *resolved, const char *why)
{
	struct db_connection *connection = ctx;
	connection->resolve = NULL;
	if (!resolved) {
		fail_with_words(connection, why);
		return;
	}
	connection->resolved = resolved;
	start_libpq(connection, resolved);
}

static void on_resolve_gone(void *ctx)
{
	handle_gone(ctx);
}

static void on_timeout(uv_timer_t *timer)
{
	struct db_connection *connection = timer->data;
	char words[96];
	snprintf(words, sizeof(words), "%s did not answer within %d ms",
	         connection->state == LINK_RESOLVING ? "the name server" : "PostgreSQL",
	         CONNECT_TIMEOUT_MS);
	fail_with_words(connection, words);
}

static void on_start(uv_timer_t *timer)
{
	struct db_connection *connection = timer->data;
	uv_timer_start(timer, on_timeout, CONNECT_TIMEOUT_MS, 0);
	if (!resolve_needed(connection->conninfo)) {
		start_libpq(connection, connection->conninfo);
		return;
	}
	connection->handles++;
	connection->resolve = resolve_start(connection->loop, connection->conninfo, on_resolved,
	                                    on_resolve_gone, connection);
	if (!connection->resolve) {
		connection->handles--;
		fail_with_words(connection, "could not ask a name server");
	}
}

void db_connection_init(struct db_connection *connection, uv_loop_t *loop,
                        const struct conninfo *conninfo, const struct db_connection_ops *ops)
{
	*connection = (struct db_connection){
		.loop = loop,
		.conninfo = conninfo,
		.ops = ops,
		.handles = 1,
	};
	uv_timer_init(loop, &connection->timer);
	connection->timer.data = connection;
}

void db_connection_open(struct db_connection *connection)
{
	assert(connection->state == LINK_CLOSED);
	connection->state = LINK_RESOLVING;
	connection->last_words[0] = '\0';
	uv_timer_start(&connection->timer, on_start, 0, 0);
}

bool db_connection_flush(struct db_connection *connection)
{
	int left = PQflush(connection->pg);
	if (left < 0)
		return false;
	connection->blocked = left == 1;
	return watch_events(connection->watch, wanted_events(connection));
}

void db_connection_close(struct db_connection *connection)
{
	uv_timer_stop(&connection->timer);
	if (connection->resolve)
		resolve_abandon(connection->resolve);
	connection->resolve = NULL;
	watch_end(connection);
	PQfinish(connection->pg);
	connection->pg = NULL;
	conninfo_free(connection->resolved);
	connection->resolved = NULL;
	connection->blocked = false;
	connection->state = LINK_CLOSED;
}

static void timer_closed(uv_handle_t *handle)
{
	handle_gone(handle->data);
}

void db_connection_deinit(struct db_connection *connection,
                          void (*done)(struct db_connection *connection))
{
	db_connection_close(connection);
	connection->done = done;
	uv_close((uv_handle_t *)&connection->timer, timer_closed);
}
