#include "db/control.h"

#include "db/connection.h"

#include <endian.h>
#include <stdlib.h>

enum {
	CANCELS_MAX = 64,        /* that wait to be sent */
	CANCELS_PER_SECOND = 16, /* more would only show that something else is wrong */
	RECONNECT_MS = 500,
	OID_INT4 = 23,
};

struct control {
	struct db_connection connection; /* first: its callbacks get it back from there */
	struct conninfo *conninfo;
	uv_async_t wake;
	uv_timer_t timer; /* reconnects; gives the rate's allowance back */
	uint32_t handles;
	void (*done)(void *ctx);
	void *ctx;
	uv_mutex_t mutex; /* of what follows */
	bool connected;
	int pids[CANCELS_MAX];
	uint32_t count, allowance;
};

static void set_connected(struct control *control, bool connected)
{
	uv_mutex_lock(&control->mutex);
	control->connected = connected;
	control->count = 0;
	uv_mutex_unlock(&control->mutex);
}

static void lose(struct control *control)
{
	set_connected(control, false);
	db_connection_close(&control->connection);
}

/* Takes the pids that wait; how many. */
static uint32_t take_pids(struct control *control, int pids[CANCELS_MAX])
{
	uv_mutex_lock(&control->mutex);
	uint32_t count = control->count;
	memcpy(pids, control->pids, sizeof(control->pids));
	control->count = 0;
	uv_mutex_unlock(&control->mutex);
	return count;
}

static bool send_cancel(struct control *control, int pid)
{
	const Oid type = OID_INT4;
	const uint32_t wire = htobe32((uint32_t)pid);
	const char *value = (const char *)&wire;
	const int length = sizeof(wire), binary = 1;
	PGconn *pg = control->connection.pg;
	return PQsendQueryParams(pg, "SELECT pg_cancel_backend($1)", 1, &type, &value, &length,
	                         &binary, 1) &&
	       PQpipelineSync(pg);
}

static void on_wake(uv_async_t *wake)
{
	struct control *control = wake->data;
	int pids[CANCELS_MAX];
	uint32_t count = take_pids(control, pids);
	if (control->connection.state != LINK_OPEN)
		return;
	bool sent = true;
	for (uint32_t i = 0; i < count && sent; i++)
		sent = send_cancel(control, pids[i]);
	if (!sent || !db_connection_flush(&control->connection))
		lose(control);
}

static void on_opened(struct db_connection *connection)
{
	set_connected((struct control *)connection, true);
}

static void on_failed(struct db_connection *connection, const struct failure *failure)
{
	(void)connection; /* the timer dials again; the pools say what is wrong */
	(void)failure;
}

/* Whether a cancel struck, the pool sees for itself; an error here costs nothing else. */
static void on_readable(struct db_connection *connection, bool alive)
{
	int nulls = 0;
	while (alive && !PQisBusy(connection->pg) && nulls < 3) {
		PGresult *result = PQgetResult(connection->pg);
		nulls = result ? 0 : nulls + 1;
		PQclear(result);
	}
	if (!alive || PQstatus(connection->pg) != CONNECTION_OK)
		lose((struct control *)connection);
}

static void on_writable(struct db_connection *connection)
{
	(void)connection;
}

static const struct db_connection_ops control_ops = {
	.opened = on_opened,
	.failed = on_failed,
	.readable = on_readable,
	.writable = on_writable,
};

static void on_timer(uv_timer_t *timer)
{
	struct control *control = timer->data;
	uv_mutex_lock(&control->mutex);
	uint32_t allowance = control->allowance + CANCELS_PER_SECOND * RECONNECT_MS / 1000;
	control->allowance = allowance < CANCELS_PER_SECOND ? allowance : CANCELS_PER_SECOND;
	uv_mutex_unlock(&control->mutex);
	if (control->connection.state == LINK_CLOSED)
		db_connection_open(&control->connection);
}

bool control_cancel(struct control *control, int backend_pid)
{
	uv_mutex_lock(&control->mutex);
	bool taken = control->connected && control->allowance > 0 && control->count < CANCELS_MAX;
	if (taken) {
		control->allowance--;
		control->pids[control->count++] = backend_pid;
	}
	uv_mutex_unlock(&control->mutex);
	if (taken)
		uv_async_send(&control->wake);
	return taken;
}

enum status control_open(struct control **out, uv_loop_t *loop, const char *conninfo)
{
	const struct conninfo_session session = {"prismd:control", 2000, 1000, false};
	char message[CONNINFO_MESSAGE_SIZE];
	struct control *control = calloc(1, sizeof(*control));
	if (!control)
		return STATUS_RESOURCE_EXHAUSTED;
	enum status status = conninfo_new(&control->conninfo, conninfo, &session, message);
	if (status == STATUS_OK && (uv_mutex_init(&control->mutex) != 0 ||
	                            uv_async_init(loop, &control->wake, on_wake) != 0))
		status = STATUS_RESOURCE_EXHAUSTED;
	if (status != STATUS_OK) {
		conninfo_free(control->conninfo);
		free(control);
		return status;
	}
	db_connection_init(&control->connection, loop, control->conninfo, &control_ops);
	uv_timer_init(loop, &control->timer);
	control->wake.data = control->timer.data = control;
	control->handles = 3;
	control->allowance = CANCELS_PER_SECOND;
	uv_timer_start(&control->timer, on_timer, 0, RECONNECT_MS);
	*out = control;
	return STATUS_OK;
}

static void handle_gone(struct control *control)
{
	if (--control->handles > 0)
		return;
	void (*done)(void *ctx) = control->done;
	void *ctx = control->ctx;
	uv_mutex_destroy(&control->mutex);
	conninfo_free(control->conninfo);
	free(control);
	done(ctx);
}

static void handle_closed(uv_handle_t *handle)
{
	handle_gone(handle->data);
}

static void connection_closed(struct db_connection *connection)
{
	handle_gone((struct control *)connection);
}

void control_close(struct control *control, void (*done)(void *ctx), void *ctx)
{
	set_connected(control, false);
	control->done = done;
	control->ctx = ctx;
	uv_close((uv_handle_t *)&control->wake, handle_closed);
	uv_close((uv_handle_t *)&control->timer, handle_closed);
	db_connection_deinit(&control->connection, connection_closed);
}
