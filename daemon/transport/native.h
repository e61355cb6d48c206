/* native - the protocol of PROTOCOL.md on a connection. Its parts: native_session (the connection's
 * side: preface, HELLO, GOAWAY, frames by type), native_stream (one call's side), native_output
 * (what waits for credit), native_paths (interned paths).
 *
 * Thread: the connection's worker's. */
#pragma once
#include "daemon/transport/connection.h"

extern const struct protocol native;

/* The connection speaks it from here on (without memory it is closed at the end of the turn). */
void native_begin(struct connection *connection);

void native_stream_stalled(struct timeout *stall);

/* Frees the transport's spare streams. */
void native_drop_spare(struct transport *transport);
