/* Waiting for an event, and for time. */
#include "daemon/rpc/deadline.h"
#include "daemon/rpc/state.h"

enum status call_wait(struct call *call, const char *what)
{
	if (!call->woken || call->cancelled != STATUS_OK)
		TRY(call_suspend(call, WANTS_WAKE, what));
	call->woken = false;
	return STATUS_OK;
}

void call_wake(struct call *call)
{
	call->woken = true;
	call_notify(call, WANTS_WAKE);
}

enum status call_pause(struct call *call, uint32_t ms)
{
	uint64_t until_ns = rpc_now(call->rpc) + ms * UINT64_C(1000000);
	if (call->cancelled == STATUS_OK && until_ns < call->deadline_ns)
		deadline_set(call, until_ns);
	return call_suspend(call, WANTS_TIME, "pause");
}

uint64_t call_remaining_ns(const struct call *call)
{
	if (call->deadline_ns == UINT64_MAX)
		return UINT64_MAX;
	uint64_t now_ns = rpc_now(call->rpc);
	return call->deadline_ns > now_ns ? call->deadline_ns - now_ns : 0;
}
