#include "daemon/interceptors.h"

#include "daemon/auth/auth.h"
#include "daemon/log.h"

enum { NS_PER_MS = 1000000, NS_PER_US = 1000 };

static bool answers_with_stream(const struct method *method)
{
	return method->kind == CALL_SERVER_STREAMING || method->kind == CALL_BIDIRECTIONAL;
}

/* A refusal that the caller has earned is the caller's to log. */
static bool is_our_trouble(enum status status)
{
	return status == STATUS_UNKNOWN || status == STATUS_INTERNAL ||
	       status == STATUS_DATA_LOSS || status == STATUS_UNAVAILABLE ||
	       status == STATUS_DEADLINE_EXCEEDED;
}

/* Bytes that are no request: INTERNAL by gRPC's custom, but the peer's doing. */
static bool was_no_request(const struct call *call)
{
	return call->status == STATUS_INTERNAL && call->outcome == OUTCOME_NOT_EXECUTED;
}

static enum log_level level_of(const struct call *call, uint64_t elapsed_ns)
{
	if (was_no_request(call))
		return LOG_DEBUG;
	if (call->status == STATUS_INTERNAL || call->status == STATUS_DATA_LOSS)
		return LOG_ERROR;
	if (is_our_trouble(call->status))
		return LOG_WARN;
	/* A stream lives as long as its caller likes: that it was long says nothing. */
	bool may_last = call->method && answers_with_stream(call->method);
	bool slow = !may_last && elapsed_ns >= LOG_SLOW_MS * (uint64_t)NS_PER_MS;
	return slow ? LOG_INFO : LOG_DEBUG;
}

static void log_after(struct call *call)
{
	uint64_t elapsed_ns = call->rpc->now_ns - call->started_ns;
	enum log_level level = level_of(call, elapsed_ns);
	if (!log_enabled(level))
		return;
	log_limited(level, "call", LOG_NUMBER("id", call->id),
	            LOG_TEXT("method", call->method ? call->method->path : "unknown"),
	            LOG_TEXT("status", status_name(call->status)),
	            LOG_NUMBER("us", elapsed_ns / NS_PER_US),
	            LOG_NUMBER("principal", call->identity.principal_id),
	            LOG_TEXT("peer", call->peer ? call->peer->address : "gone"),
	            LOG_TEXT("message", call->message ? call->message : ""),
	            LOG_TEXT("cause", call->cause ? call->cause : ""));
}

const struct interceptor log_interceptor = {.name = "log", .after = log_after};

const struct interceptor *const server_interceptors[] = {
	&log_interceptor,
	&auth_identify,
	NULL,
};
