/* race - many calls at once, on connections of their own that spread over the workers.
 *
 * Owns: loop, channels. One race at a time. Thread: the test's. Trouble fails the test. */
#pragma once
#include "tests/services/session.h"
#include "tests/services/story_fixture.h"

enum { RACE_CHANNELS = 16, RACERS_MAX = 512 };

/* How a call ended; of a story: which one. */
struct racer {
	struct prism_result result;
	int64_t id, number;
	int32_t version;
};

extern struct racer racers[RACERS_MAX];

/* The connections are up when this returns. */
void race_open(void);

/* Ends the session too. */
void race_close(void);

/* Adds a call to the next race, as racers[number that is returned]. The request is sent when this
 * returns, or soon; `actor` must not be NULL. */
size_t race_add(const char *actor, const struct prism_method *method,
                const ProtobufCMessage *request);

/* The same with the system's key, for `actor` (NULL: for nobody). */
size_t race_add_system(const char *actor, const struct prism_method *method,
                       const ProtobufCMessage *request);

/* Runs all of them to their ends; how many ended with OK. The next race starts anew. */
size_t race_run(void);

/* The same; fails if two of them wait for each other. PostgreSQL's deadlock_timeout must be so long
 * that this is seen. */
size_t race_run_without_circles(void);

/* Whether this racer was refused so. */
bool race_refused(size_t i, enum prism_status status, const char *reason);

/* How many of the last race ended with this status and reason ("" for none). */
size_t race_count(enum prism_status status, const char *reason);

/* Runs the race until so many backends wait for a lock; all that were added must be able to. */
void race_until_waiting(long backends);
