/* Every call takes the same way: consider() -> ask() -> begin() -> its handler's fiber ->
 * conclude(). Each of them may end it early, with a status, through conclude(). */
#include "daemon/rpc/dispatch.h"

#include "daemon/rpc/detail.h"
#include "daemon/rpc/fiber.h"
#include "daemon/rpc/outcome.h"
#include "daemon/rpc/state.h"

#include <assert.h>

static void tell(struct call *call, const ProtobufCMessage *response)
{
	const struct call_ops *ops = call->ops;
	if (!ops)
		return;
	call->ops = NULL;
	ops->finish(call, response);
}

static void ask_after(struct call *call)
{
	const struct interceptor *const *all = call->rpc->interceptors;
	size_t count = 0;
	while (all[count])
		count++;
	while (count-- > 0)
		if (all[count]->after && (!all[count]->before || count < call->interceptor))
			all[count]->after(call);
}

static void tally(const struct call *call)
{
	struct method_counters *counters = call_counters(call);
	counters->handled[call->status]++;
	counters->latency_ns += rpc_now(call->rpc) - call->started_ns;
}

/* The call ends with `status`: tells the transport, the interceptors and the counters. */
static void conclude(struct call *call, enum status status)
{
	outcome_settle(call, status);
	call_set_state(call, CALL_FINISHED);
	tell(call, call->status == STATUS_OK ? call->response : NULL);
	ask_after(call);
	tally(call);
	call_release(call);
}

void dispatch_tell_pending(struct call *call)
{
	assert(call->state == CALL_PENDING);
	outcome_settle(call, call_stopped(call));
	tell(call, NULL);
	call->peer = NULL; /* the transport cannot say any more when it goes */
}

/* --- the handler -------------------------------------------------------- */

static void handler_main(void *arg)
{
	struct call *call = arg;
	call->fiber = fiber_current();
	call->returned =
		call->route->run(call, call->service->handlers, call->request, call->response);
	call->fiber = NULL;
}

/* The fiber gave the thread back: with an errand, to wait, or for good. */
static void fiber_left(struct call *call)
{
	while (call->fiber && call->errand) {
		void (*errand)(struct call *, void *) = call->errand;
		call->errand = NULL;
		errand(call, call->errand_ctx);
		if (call->state == CALL_RUNNING)
			fiber_resume(call->fiber);
	}
	if (call->fiber)
		return;
	call->rpc->running--;
	conclude(call, call->returned);
}

static void resume(struct call *call)
{
	call_set_state(call, CALL_RUNNING);
	fiber_resume(call->fiber);
	fiber_left(call);
}

static enum status too_busy(struct call *call)
{
	return call_fail_outcome(call, STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED,
	                         "too many calls are running");
}

static void run(struct call *call)
{
	struct rpc *rpc = call->rpc;
	if (rpc->running >= rpc->running_limit) {
		conclude(call, too_busy(call));
		return;
	}
	call_set_state(call, CALL_RUNNING);
	call->started = true;
	rpc->running++;
	if (fiber_start(handler_main, call)) {
		fiber_left(call);
		return;
	}
	rpc->running--;
	call->started = false;
	conclude(call, too_busy(call));
}

/* --- before the handler --------------------------------------------------- */

enum status dispatch_unpack(struct call *call, struct bytes wire, struct arena *arena,
                            ProtobufCMessage **out)
{
	const struct method *method = call->method;
	char reason[WIRE_REASON_SIZE];
	enum status status = message_unpack(method->request, wire, arena, out, reason);
	if (status == STATUS_INTERNAL && call->ops && call->ops->blames_sender)
		status = STATUS_INVALID_ARGUMENT;
	if (status == STATUS_OK)
		status = rules_check(method->rules, *out, reason);
	if (status == STATUS_OK)
		return STATUS_OK;
	status = call_fail(call, status, "%s", reason);
	if (status == STATUS_INVALID_ARGUMENT)
		call_blame_field(call);
	return status;
}

static enum status request_unpack(struct call *call)
{
	TRY(dispatch_unpack(call, call->wire, &call->arena, &call->request));
	if (call->ops)
		call->ops->taken(call, call->wire.len);
	return STATUS_OK;
}

static enum status response_new(struct call *call)
{
	const ProtobufCMessageDescriptor *type = call->method->response;
	call->response = arena_alloc(&call->arena, type->sizeof_message);
	if (!call->response)
		return call_no_memory(call);
	protobuf_c_message_init(type, call->response);
	return STATUS_OK;
}

static enum status messages_make(struct call *call)
{
	enum call_kind kind = call->method->kind;
	if (kind == CALL_UNARY || kind == CALL_SERVER_STREAMING)
		TRY(request_unpack(call));
	if (kind == CALL_UNARY || kind == CALL_CLIENT_STREAMING)
		TRY(response_new(call));
	return STATUS_OK;
}

static void begin(struct call *call)
{
	enum status status = messages_make(call);
	if (status == STATUS_OK)
		run(call);
	else
		conclude(call, status);
}

static void refused(struct call *call)
{
	assert(call->status != STATUS_OK); /* call_fail() said why */
	conclude(call, call->status);
}

/* Whether nobody is left to be asked, and all said proceed. */
static bool ask(struct call *call)
{
	const struct interceptor *const *all = call->rpc->interceptors;
	for (; all[call->interceptor]; call->interceptor++) {
		const struct interceptor *one = all[call->interceptor];
		enum verdict verdict = one->before ? one->before(call) : VERDICT_PROCEED;
		if (verdict == VERDICT_PROCEED)
			continue;
		if (verdict == VERDICT_PENDING)
			call_park(call, CALL_PENDING);
		else
			refused(call);
		return false;
	}
	return true;
}

static enum status cardinality(struct call *call)
{
	if (!call->too_many && call->has_request)
		return STATUS_OK;
	return call_fail(call, STATUS_UNIMPLEMENTED,
	                 "%s takes exactly one request message, %s sent", call->method->path,
	                 call->too_many ? "more were" : "none was");
}

/* Whether the method's handler can be called with what was received so far. */
static bool complete(const struct call *call)
{
	return call_streams_in(call) || call->half_closed || call->too_many;
}

/* What refuses a call before anybody is asked. */
static enum status admit(struct call *call)
{
	const struct rpc *rpc = call->rpc;
	if (!call_streams_in(call))
		TRY(cardinality(call));
	if (rpc->draining)
		return call_fail_outcome(call, STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED,
		                         "the server is going away");
	return rpc->running < rpc->running_limit ? STATUS_OK : too_busy(call);
}

/* Whether somebody or something already decided against the call: then its status. */
static enum status decided(struct call *call)
{
	if (call->refused != STATUS_OK)
		return call->refused;
	if (call->cancelled == STATUS_OK && call->deadline_ns <= rpc_now(call->rpc))
		call->cancelled = STATUS_DEADLINE_EXCEEDED;
	return call->cancelled == STATUS_OK ? STATUS_OK : call_stopped(call);
}

static void consider(struct call *call)
{
	enum status status = decided(call);
	if (status == STATUS_OK && !complete(call)) {
		call_park(call, CALL_RECEIVING);
		return;
	}
	if (status == STATUS_OK && !call->admitted) {
		status = admit(call);
		call->admitted = true;
	}
	if (status != STATUS_OK)
		conclude(call, status);
	else if (ask(call))
		begin(call);
}

void dispatch(struct call *call)
{
	if (call->fiber)
		resume(call);
	else
		consider(call);
}
