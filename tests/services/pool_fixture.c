#include "pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WATCHDOG_MS = 60000 };

static const char schema[] =
	"CREATE TABLE things (id bigint CONSTRAINT things_pkey PRIMARY KEY, name text,"
	" CONSTRAINT things_name_check CHECK (name <> 'bad'));"
	"CREATE TABLE children (thing_id bigint NOT NULL CONSTRAINT children_thing_fkey"
	" REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED);"
	"CREATE TABLE counters (id bigint PRIMARY KEY, value bigint NOT NULL);"
	"INSERT INTO counters SELECT n, 0 FROM generate_series(1, 64) n;"
	"CREATE TYPE mood AS ENUM ('sad', 'glad');"
	"CREATE SEQUENCE tries;"
	"CREATE FUNCTION conflict(failures bigint) RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE n bigint := nextval('tries'); BEGIN"
	" IF n <= failures THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END IF;"
	" RETURN n; END $$;"
	"CREATE FUNCTION stubborn() RETURNS bigint LANGUAGE plpgsql AS $$"
	" BEGIN BEGIN PERFORM pg_sleep(3600);"
	" EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(3600); END;"
	" RETURN 1; END $$;";

void fixture_schema(struct cluster *cluster)
{
	cluster_sql(cluster, schema);
}

static void on_mismatch(void *ctx, const char *message)
{
	struct fixture *fixture = ctx;
	fixture->mismatches++;
	snprintf(fixture->mismatch, sizeof(fixture->mismatch), "%s", message);
}

static void on_changed(void *ctx, bool available)
{
	struct fixture *fixture = ctx;
	assert_int_not_equal(fixture->available, available);
	fixture->available = available;
	fixture->changes++;
}

static void on_note(void *ctx, const char *message)
{
	struct fixture *fixture = ctx;
	size_t length = strlen(fixture->notes);
	snprintf(fixture->notes + length, NOTES_SIZE - length, "%s\n", message);
}

static void on_check(uv_check_t *check)
{
	struct fixture *fixture = check->data;
	if (fixture->pool)
		pool_flush(fixture->pool);
}

static void on_watchdog(uv_timer_t *timer)
{
	((struct fixture *)timer->data)->hung = true;
}

void fixture_open(struct fixture *fixture, struct cluster *cluster)
{
	*fixture = (struct fixture){.cluster = cluster, .available = -1};
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	uv_check_init(&fixture->loop, &fixture->check);
	uv_timer_init(&fixture->loop, &fixture->watchdog);
	uv_timer_init(&fixture->loop, &fixture->pause);
	fixture->check.data = fixture->watchdog.data = fixture->pause.data = fixture;
	uv_check_start(&fixture->check, on_check);
	uv_timer_start(&fixture->watchdog, on_watchdog, WATCHDOG_MS, 0);
}

struct pool_settings fixture_settings(struct fixture *fixture)
{
	return (struct pool_settings){
		.conninfo = cluster_conninfo(fixture->cluster),
		.read_connections = 2,
		.write_connections = 2,
		.queue_timeout_ms = 30000,
		.read_timeout_ms = 20000,
		.write_timeout_ms = 20000,
		.control = fixture->control,
		.mismatch = on_mismatch,
		.changed = on_changed,
		.note = on_note,
		.ctx = fixture,
	};
}

void fixture_pool(struct fixture *fixture, const struct pool_settings *settings)
{
	struct pool_settings usual = fixture_settings(fixture);
	if (!settings)
		settings = &usual;
	assert_int_equal(pool_open(&fixture->pool, &fixture->loop, settings), STATUS_OK);
}

void fixture_control(struct fixture *fixture)
{
	assert_int_equal(
		control_open(&fixture->control, &fixture->loop, cluster_conninfo(fixture->cluster)),
		STATUS_OK);
}

void fixture_turn(struct fixture *fixture)
{
	uv_run(&fixture->loop, UV_RUN_ONCE);
	if (!fixture->hung)
		return;
	struct pool_state state = {0};
	if (fixture->pool)
		state = fixture_state(fixture);
	fail_msg("the loop turned for a minute: %u connected, %u connecting, %u in flight, "
	         "%u queued, last error \"%s\"; notes:\n%s",
	         state.connected, state.connecting, state.in_flight, state.queued, state.last_error,
	         fixture->notes);
}

static void on_pause(uv_timer_t *timer)
{
	((struct fixture *)timer->data)->paused = false;
}

void fixture_pause(struct fixture *fixture, uint64_t ms)
{
	fixture->paused = true;
	uv_timer_start(&fixture->pause, on_pause, ms, 0);
	UNTIL(fixture, !fixture->paused);
}

int fixture_backend(struct fixture *fixture, const char *pattern)
{
	char sql[256];
	long pid = 0;
	snprintf(sql, sizeof(sql),
	         "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
	         "AND query LIKE '%%%s%%' LIMIT 1",
	         pattern);
	while (pid == 0) {
		fixture_pause(fixture, 20);
		pid = cluster_number(fixture->cluster, sql);
	}
	return (int)pid;
}

struct pool_state fixture_state(const struct fixture *fixture)
{
	struct pool_state state;
	pool_state(fixture->pool, &state);
	return state;
}

bool fixture_calm(const struct fixture *fixture, uint32_t count)
{
	struct pool_state state = fixture_state(fixture);
	return state.connected == count && !state.connecting && !state.queued && !state.in_flight;
}

static void on_pool_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

static void on_control_closed(void *ctx)
{
	((struct fixture *)ctx)->control_closed = true;
}

void fixture_drop(struct fixture *fixture)
{
	fixture->closed = false;
	pool_close(fixture->pool, on_pool_closed, fixture);
	fixture->pool = NULL;
	fixture->available = -1;
	UNTIL(fixture, fixture->closed);
}

void fixture_close(struct fixture *fixture)
{
	if (fixture->pool) {
		UNTIL(fixture, fixture_state(fixture).in_flight == 0);
		assert_int_equal(fixture_state(fixture).queued, 0);
		fixture_drop(fixture);
	}
	if (fixture->control) {
		control_close(fixture->control, on_control_closed, fixture);
		UNTIL(fixture, fixture->control_closed);
	}
	uv_close((uv_handle_t *)&fixture->check, NULL);
	uv_close((uv_handle_t *)&fixture->watchdog, NULL);
	uv_close((uv_handle_t *)&fixture->pause, NULL);
	uv_run(&fixture->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&fixture->loop), 0);
}

static void take_value(struct ask *ask, struct rows *rows)
{
	ask->rows = rows->count;
	if (rows->count && rows->statement->column_count) {
		enum db_type type = rows->statement->columns[0].type;
		if (type == DB_INT8 || type == DB_INT4)
			ask->value = rows_int(rows, 0, 0);
	}
	rows_clear(rows);
}

static void on_answer(void *ctx, struct db_answer *answer)
{
	struct ask *ask = ctx;
	ask->answers++;
	ask->status = answer->status;
	ask->outcome = answer->outcome;
	if (answer->status == STATUS_OK) {
		take_value(ask, &answer->rows);
	} else {
		assert_null(answer->rows.result);
		memcpy(ask->sqlstate, answer->error.sqlstate, sizeof(ask->sqlstate));
		memcpy(ask->constraint, answer->error.constraint, sizeof(ask->constraint));
		snprintf(ask->message, sizeof(ask->message), "%s", answer->error.message);
	}
	if (ask->then)
		ask->then(ask);
}

void ask_submit(struct fixture *fixture, struct ask *ask, const struct statement *statement,
                struct params params, uint64_t affinity)
{
	*ask = (struct ask){.fixture = fixture, .then = ask->then};
	ask->request.statement = statement;
	assert_true(params.count <= sizeof(ask->params) / sizeof(ask->params[0]));
	for (size_t i = 0; i < params.count; i++)
		ask->params[i] = params.at[i];
	ask->request.params = (struct params){ask->params, params.count};
	ask->request.affinity = affinity;
	ask->request.done = on_answer;
	ask->request.ctx = ask;
	pool_submit(fixture->pool, &ask->request);
	assert_int_equal(ask->answers, 0);
}

void ask_await(struct ask *ask)
{
	UNTIL(ask->fixture, ask->answers > 0);
	assert_int_equal(ask->answers, 1);
}
