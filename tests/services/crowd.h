/* crowd - many calls at once, each through a connection of its own; and a session of SQL that
 * stands in their way.
 *
 * Owns: a loop, its channels. Lifetime: crowd_open() .. crowd_close(). Thread: one. Trouble fails
 * the test. */
#pragma once
#include "tests/services/story_fixture.h"

#include <uv.h>

enum { CROWD_MAX = 32 };

struct seat {
	struct prism_channel *channel;
	struct prism_result result; /* of its last call */
	bool waiting;
};

struct crowd {
	uv_loop_t loop;
	struct seat seats[CROWD_MAX];
	size_t count;
};

void crowd_open(struct crowd *crowd);

/* Adds `count` seats, whose connections have this key and are up when this returns. */
void crowd_seat(struct crowd *crowd, const char *key, size_t count);

/* Starts a call of the seat that has none; crowd_finish() ends it. */
void crowd_start(struct crowd *crowd, size_t seat, const struct prism_method *method,
                 const struct prism_call_options *options, const ProtobufCMessage *request);

/* Until every call has ended. */
void crowd_finish(struct crowd *crowd);

/* Until so many statements wait for somebody's lock, or no call is under way any more. */
void crowd_until_blocked(struct crowd *crowd, long count);

/* How many of the last calls of all seats ended with this status and reason. */
size_t crowd_count(const struct crowd *crowd, enum prism_status status, const char *reason);

/* Every one of them did. */
void crowd_assert_all(const struct crowd *crowd, enum prism_status status, const char *reason);

void crowd_close(struct crowd *crowd);

/* A session of SQL, in a transaction until the second; both run what they are given. */
struct session {
	void *connection;
};
void session_begin(struct session *session, const char *sql);
void session_commit(struct session *session);
