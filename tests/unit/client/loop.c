#include "tests/unit/client/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

void loop_open(struct loop *loop, const struct prism_channel_options *options)
{
	char message[256];
	loop->closed = false;
	unsetenv("PRISM_ADDRESS");
	unsetenv("PRISM_KEY_FILE");
	unsetenv("PRISM_ACTOR");
	assert_int_equal(uv_loop_init(&loop->loop), 0);
	if (prism_channel_open(&loop->channel, options, &loop->loop, message) != PRISM_OK)
		fail_msg("%s", message);
}

static void on_closed(void *ctx)
{
	struct loop *loop = ctx;
	assert_false(loop->closed);
	loop->closed = true;
}

void loop_close(struct loop *loop)
{
	if (loop->channel)
		prism_channel_close(loop->channel, on_closed, loop);
	else
		loop->closed = true;
	uv_run(&loop->loop, UV_RUN_DEFAULT);
	assert_true(loop->closed);
	assert_int_equal(uv_loop_close(&loop->loop), 0);
}

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	struct outcome_of *of = ctx;
	const Prism__Test__Client__Note *note = (const Prism__Test__Client__Note *)message;
	assert_true(of->started);
	assert_ptr_equal(call, of->call);
	of->messages++;
	of->numbers += note->number;
	of->bytes += note->data.len;
	if (of->on_message)
		of->on_message(of, note);
}

static void on_done(void *ctx, const struct prism_result *result)
{
	struct outcome_of *of = ctx;
	assert_true(of->started);
	assert_int_equal(of->done, 0);
	of->result = *result;
	of->done++;
	of->call = NULL;
	if (of->on_done)
		of->on_done(of);
}

static void on_writable(void *ctx, struct prism_call *call)
{
	struct outcome_of *of = ctx;
	assert_ptr_equal(call, of->call);
	of->writable++;
	if (of->on_writable)
		of->on_writable(of);
}

void loop_call(struct loop *loop, struct outcome_of *of, const struct prism_method *method,
               const struct prism_call_options *options, const char *text)
{
	struct prism_call_handler handler = {
		.message = on_message, .done = on_done, .ctx = of, .writable = on_writable};
	Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	note.text = (char *)text;
	of->done = of->messages = of->writable = 0;
	of->started = false;
	of->call = prism_call_start(loop->channel, method, options, text ? &note.base : NULL,
	                            &handler);
	assert_non_null(of->call);
	of->started = true;
}

void loop_once(struct loop *loop)
{
	uv_run(&loop->loop, UV_RUN_ONCE);
}

void loop_until_stage(struct loop *loop, const struct peer *peer, int stage)
{
	while (peer->stage < stage) {
		uv_run(&loop->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

enum prism_status loop_wait(struct loop *loop, const struct outcome_of *of)
{
	while (!of->done)
		loop_once(loop);
	return of->result.status;
}
