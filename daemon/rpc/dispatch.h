/* dispatch - what happens to a ready call: refused, asked about, unpacked, run, packed, freed.
 * Private to daemon/rpc; runs on the loop's stack, in rpc_run(). */
#pragma once
#include "daemon/rpc/rpc.h"

/* One step of a call that was on the ready list: as far as it goes without waiting. */
void dispatch(struct call *call);

/* The deadline of a call that an interceptor holds has passed: its caller is told now, its memory
 * waits for rpc_proceed(). */
void dispatch_tell_pending(struct call *call);

/* Checks and unpacks one request message of the call into `arena`. */
MUST_CHECK
enum status dispatch_unpack(struct call *call, struct bytes wire, struct arena *arena,
                            ProtobufCMessage **out);

/* --- by call.c ----------------------------------------------------------- */

/* Gives a finished call back to the cache. */
void call_release(struct call *call);
void call_cache_drop(struct rpc *rpc);
