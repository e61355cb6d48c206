#include "client/ctl/talk.h"

#include "client/ctl/metadata.h"
#include "client/ctl/report.h"

#include <stdlib.h>
#include <uv.h>

struct talk {
	const struct requests *requests;
	size_t sent;
	answer_function *answer;
	void *ctx;
	struct prism_response_metadata *metadata; /* NULL: is not to be shown */
	bool shown;                               /* the initial part */
	bool enough; /* no more answers are wanted: the cancelled call is none that failed */
	struct prism_result result;
};

static void show_initial(struct talk *talk)
{
	size_t count;
	const struct prism_metadata *list = prism_response_metadata_initial(talk->metadata, &count);
	if (!talk->shown)
		metadata_print("initial", list, count);
	talk->shown = true;
}

static void on_initial(void *ctx, struct prism_call *call)
{
	(void)call;
	show_initial(ctx);
}

static void show_trailing(struct talk *talk)
{
	size_t count;
	const struct prism_metadata *list =
		prism_response_metadata_trailing(talk->metadata, &count);
	show_initial(talk);
	metadata_print("trailing", list, count);
}

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	struct talk *talk = ctx;
	if (talk->answer(talk->ctx, message))
		return;
	talk->enough = true;
	prism_call_cancel(call);
}

static void on_done(void *ctx, const struct prism_result *result)
{
	struct talk *talk = ctx;
	talk->result = *result;
	if (talk->metadata)
		show_trailing(talk);
}

/* As many as there is room for; the end of the sending side after the last. */
static void on_writable(void *ctx, struct prism_call *call)
{
	struct talk *talk = ctx;
	while (talk->sent < talk->requests->count) {
		if (!prism_call_send(call, talk->requests->list[talk->sent]))
			return;
		talk->sent++;
	}
	prism_call_close_send(call);
}

static enum prism_kind kind_of(const struct method *method)
{
	switch (method->kind) {
	case CALL_UNARY:
		return PRISM_UNARY;
	case CALL_SERVER_STREAMING:
		return PRISM_SERVER_STREAMING;
	case CALL_CLIENT_STREAMING:
		return PRISM_CLIENT_STREAMING;
	case CALL_BIDIRECTIONAL:
		return PRISM_BIDIRECTIONAL;
	}
	return PRISM_UNARY;
}

static enum prism_idempotency idempotency_of(const struct method *method)
{
	switch (method->idempotency) {
	case NO_SIDE_EFFECTS:
		return PRISM_READ;
	case IDEMPOTENT:
		return PRISM_IDEMPOTENT;
	case KEYED:
		return PRISM_KEYED;
	case IDEMPOTENCY_UNKNOWN:
		break;
	}
	return PRISM_IDEMPOTENCY_UNSPECIFIED;
}

static int talk_on(struct talk *talk, struct prism_channel *channel, uv_loop_t *loop,
                   const struct options *options, const struct method *method)
{
	struct prism_method called = {
		.path = method->path,
		.kind = kind_of(method),
		.request = method->request,
		.response = method->response,
		.timeout_ms = method->deadline_ms,
		.idempotency = idempotency_of(method),
	};
	bool streams = called.kind >= PRISM_CLIENT_STREAMING;
	struct prism_call_options call_options = options_call(options, method->kind != CALL_UNARY);
	struct prism_call_handler handler = {
		.message = on_message, .done = on_done, .ctx = talk, .writable = on_writable};
	call_options.response_metadata = talk->metadata;
	if (talk->metadata)
		handler.initial = on_initial;
	struct prism_call *call =
		prism_call_start(channel, &called, &call_options,
	                         streams ? NULL : talk->requests->list[0], &handler);
	if (!call)
		report_no_memory();
	if (streams)
		on_writable(talk, call);
	uv_run(loop, UV_RUN_DEFAULT);
	return talk->enough ? EXIT_DONE : report_result(options, &talk->result);
}

int talk(const struct options *options, const struct method *method,
         const struct requests *requests, answer_function *answer, void *ctx)
{
	struct talk state = {.requests = requests, .answer = answer, .ctx = ctx};
	if (options->verbose && !(state.metadata = prism_response_metadata_new()))
		report_no_memory();
	struct prism_channel *channel;
	char message[256];
	uv_loop_t loop;
	if (uv_loop_init(&loop) < 0)
		report_no_memory();
	enum prism_status status = prism_channel_open(&channel, &options->channel, &loop, message);
	int code;
	if (status == PRISM_OK) {
		code = talk_on(&state, channel, &loop, options, method);
		prism_channel_close(channel, NULL, NULL);
		uv_run(&loop, UV_RUN_DEFAULT);
	} else {
		code = report_open(status, message);
	}
	uv_loop_close(&loop);
	prism_response_metadata_free(state.metadata);
	return code;
}
