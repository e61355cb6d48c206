/* kill_load - writes from several connections at once while something is killed under them, and
 * what their callers were told.
 *
 * Each slot has one call in flight, one after another: it makes a story, changes the first one that
 * it made, or upserts a few by external ids. A call's id is its request_id and what it writes: a
 * title, a description, the stem of external ids. Half of the channels send again by themselves
 * what may be sent again; the others tell what the first attempt came to.
 *
 * Owns: its loop and channels. Thread: one. */
#pragma once
#include <prism/client.h>
#include <stdio.h>
#include <uv.h>

enum {
	KILL_CHANNELS = 4,
	KILL_SLOTS = 16,
	KILL_CALLS_MAX = 4096, /* of a round */
	KILL_UPSERTS = 5,      /* stories of an upsert */
	KILL_PROJECTS = 2,     /* 1 and 2, of organization 1 */
	UUID_SIZE = 37,
};

enum kill_kind { KILL_CREATE, KILL_UPDATE, KILL_UPSERT };

/* One call, as its caller saw it. */
struct kill_call {
	char id[UUID_SIZE];
	enum kill_kind kind;
	enum prism_status status;
	enum prism_outcome outcome;
	int64_t project, story, number; /* the story that was made or is changed; 0: not known */
	int32_t version;                /* that was acknowledged */
	struct kill_slot *slot;
};

struct kill_slot {
	struct kill_load *load;
	struct prism_channel *channel;
	uv_timer_t pause;
	struct kill_call *call; /* in flight */
	int64_t project, story; /* that it changes; 0: none yet */
	int32_t version;        /* the last one that was acknowledged */
	unsigned answered;      /* since all is well again */
};

/* When a round does its harm: harm_ms after so many calls were acknowledged; and heals heal_ms
 * later. */
struct kill_instant {
	unsigned acknowledged, harm_ms, heal_ms;
};

struct kill_load {
	struct kill_instant instant;
	uv_loop_t loop;
	uv_timer_t act;
	struct prism_channel *channels[KILL_CHANNELS];
	struct kill_slot slots[KILL_SLOTS];
	struct kill_call calls[KILL_CALLS_MAX];
	size_t count;
	unsigned *random;
	unsigned running;      /* slots */
	unsigned acknowledged; /* in this round */
	bool harmed, healed;
	void (*harm)(void *ctx), (*heal)(void *ctx);
	void *ctx;
};

/* `random`: the state of rand_r(), the caller's. */
void kill_load_open(struct kill_load *load, const char *address, const char *key, const char *actor,
                    unsigned *random);

/* One round: load, harm(), heal(), and load until every slot has had answers again. The calls of
 * the round are in load->calls. */
void kill_load_run(struct kill_load *load, const struct kill_instant *instant);

/* Sends a call again, the same under the same id; blocks until it has ended. */
void kill_load_repeat(struct kill_load *load, struct kill_call *call);

void kill_load_close(struct kill_load *load);
