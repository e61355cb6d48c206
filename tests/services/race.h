/* race - many calls at once, on connections of their own that spread over the workers; and a
 * session with PostgreSQL that is in the way.
 *
 * Owns: loop, channels, session. One race at a time. Thread: the test's. */
#pragma once
#include "tests/services/story_fixture.h"

enum { RACE_CHANNELS = 16, RACERS_MAX = 512 };

/* How a call ended; of a story: which one. */
struct racer {
	struct prism_result result;
	int64_t id, number;
	int32_t version;
};

extern struct racer racers[RACERS_MAX];

void race_open(void);
void race_close(void);

/* Adds a call to the next race, as racers[number that is returned]. The request is sent when this
 * returns, or soon; `actor` must not be NULL. */
size_t race_add(const char *actor, const struct prism_method *method,
                const ProtobufCMessage *request);

/* Runs all of them to their ends; how many ended with OK. The next race starts anew. */
size_t race_run(void);

/* Whether this racer was refused so. */
bool race_refused(size_t i, enum prism_status status, const char *reason);

/* Runs SQL in a session that stays: "BEGIN; UPDATE ..." holds its locks until its end. False: it
 * failed. */
bool session(const char *sql);

/* Runs the race until so many backends wait for a lock; all that were added must be able to. */
void race_until_waiting(long backends);
