/* lock - one migrator at a time: a session advisory lock of the database, polled.
 *
 * Polled, because whoever waits inside pg_advisory_lock() holds a snapshot that CREATE INDEX
 * CONCURRENTLY of the holder waits for: a deadlock. Private to migrate/. */
#pragma once
#include "db/startup/connect.h"

#define LOCK_KEY "8102654624066790498" /* "prism-db" in ASCII */

enum lock_outcome { LOCK_HELD, LOCK_BUSY, LOCK_ERROR };

/* Waits up to `wait_ms`. note(ctx, line) is told whom it waits for. BUSY and ERROR come with a
 * message. */
MUST_CHECK
enum lock_outcome lock_take(PGconn *connection, uint32_t wait_ms,
                            void (*note)(void *ctx, const char *line), void *ctx, char *message,
                            size_t message_size);

/* Whether this very session holds it, as seen from inside a transaction: a transaction pooler in
 * between would have changed the session. */
MUST_CHECK
bool lock_is_held(PGconn *connection, char *message, size_t message_size);

void lock_release(PGconn *connection);
