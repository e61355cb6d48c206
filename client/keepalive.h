/* keepalive - a server that says nothing while calls run is asked by a PING whether it is there.
 * Off when the setting is 0.
 *
 * Thread: the channel's. Units: milliseconds of uv_now(). */
#pragma once
#include "proto/status.h"

struct prism_channel;
struct session;

enum alive_state {
	ALIVE,   /* something came, or the first call went, at alive.since_ms */
	ASKED,   /* a PING went, then */
	OVERDUE, /* its answer should be here: what has come and was not read has one more chance */
};

struct alive {
	enum alive_state state;
	uint64_t since_ms;
};

/* Something came. */
void keepalive_heard(struct session *session);

/* A session that was idle has a call. */
void keepalive_begin(struct session *session);
