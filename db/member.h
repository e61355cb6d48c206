/* member - one of a lane's connections, from dialled to serving.
 *
 * Owns: its connection and pipeline. Lifetime: the pool's. Thread: the pool's. */
#pragma once
#include "db/check.h"
#include "db/pipeline.h"
#include "db/prepare.h"

struct pool_lane;

enum member_state {
	MEMBER_DOWN,      /* not connected; dial_step() may change that */
	MEMBER_DIALING,   /* connecting */
	MEMBER_CHECKING,  /* connected; the registry is compared with the schema */
	MEMBER_PREPARING, /* connected; its statements are being prepared */
	MEMBER_SERVING,
	MEMBER_FENCED,   /* a cancel is under way: nothing new until something came back */
	MEMBER_DRAINING, /* no longer of use: closed when its pipeline is empty */
};

struct member {
	struct db_connection connection;
	struct pipeline pipeline;
	struct pool_lane *lane;
	enum member_state state;
	bool touched;  /* something was sent in this turn */
	bool solitary; /* what was sent last goes alone */
	struct prepare prepare;
	struct check *check; /* while CHECKING */
	uint64_t since_ms;   /* of the state */
	uint64_t serving_since_ms;
	uint64_t cancelled_ms;    /* last; 0: never */
	uint64_t cancel_until_ms; /* a cancel may still strike: whom it hits by mistake is sent
	                             again */
};

void member_init(struct member *member, struct pool_lane *lane, const struct conninfo *conninfo);

/* From DOWN. dial_served() or dial_failed() follows. */
void member_open(struct member *member);

/* It serves, and may be given one more request now. */
bool member_takes(const struct member *member);

/* Connected and prepared, whether or not it takes something now. */
bool member_serves(const struct member *member);

/* Syncs and sends what was put in line. */
void member_flush(struct member *member);

/* The connection is of no more use, though it works: give it up when it is idle. */
void member_recycle(struct member *member);

/* The link is dead, or has to be: what is in line is settled, dial_lost() follows. */
void member_lose(struct member *member, const char *why);

/* Connecting, checking or preparing takes too long. */
void member_time_out(struct member *member);

/* Abandoned work holds up the line: asks the server to cancel what runs. */
void member_cancel_zombie(struct member *member);

/* What a cancel was meant for has answered, in whatever way. */
void member_unfence(struct member *member);
