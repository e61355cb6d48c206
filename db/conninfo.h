/* conninfo - where PostgreSQL is and how we want to be connected: from DATABASE_URL to what
 * PQconnectStartParams() takes.
 *
 * A URL may name a driver (postgresql+asyncpg://...), as the platform's other programs write it;
 * the driver is dropped. What the text sets wins over our defaults, except the search path, the
 * time zone and the encoding, which our statements rely on. Host and port that it does not name are
 * those of PGHOST, PGHOSTADDR and PGPORT, as libpq has it; `service` is refused.
 * Owns: its strings. Thread: any, unchanged after conninfo_new(). Units: milliseconds.
 * Errors: INVALID_ARGUMENT with libpq's words for a malformed text; RESOURCE_EXHAUSTED. */
#pragma once
#include "proto/status.h"

#include <stddef.h>

struct conninfo;

enum { CONNINFO_MESSAGE_SIZE = 256 };

struct conninfo_session {
	const char *application_name;
	uint32_t statement_timeout_ms, lock_timeout_ms; /* 0: none */
	bool plan_once; /* prepared statements are planned once, for any values: all are prepared */
};

MUST_CHECK
enum status conninfo_new(struct conninfo **out, const char *text,
                         const struct conninfo_session *session,
                         char message[CONNINFO_MESSAGE_SIZE]);
void conninfo_free(struct conninfo *conninfo);

/* NULL-terminated, in parallel. */
const char *const *conninfo_keywords(const struct conninfo *conninfo);
const char *const *conninfo_values(const struct conninfo *conninfo);

/* The value of one keyword, "" if it is not set. */
const char *conninfo_get(const struct conninfo *conninfo, const char *keyword);

/* A copy whose hosts are replaced by what a name server said. NULL: no memory. */
MUST_CHECK
struct conninfo *conninfo_with_hosts(const struct conninfo *conninfo, const char *host,
                                     const char *hostaddr, const char *port);
