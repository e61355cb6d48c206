/* outcome - how a call ended, in the words that its caller gets. Private to daemon/rpc. */
#pragma once
#include "daemon/rpc/call.h"

/* Makes status, message, outcome and retry say the same: `status` is what the handler, or whoever
 * ended the call instead of it, returned. */
void outcome_settle(struct call *call, enum status status);
