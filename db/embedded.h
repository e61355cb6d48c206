/* embedded - a private PostgreSQL: started when no database is configured.
 *
 * A cluster under STATE_DIR/postgresql (initdb on first use: C.UTF-8, data checksums, trust inside
 * a 0700 directory, fsync on, database `prism_db`), reached by a unix socket in a short private
 * directory; no TCP. As root, PostgreSQL runs as the user `postgres`, to whom that subtree belongs.
 * A postmaster left by a kill is adopted (healthy and ours) or stopped first. Debian's own cluster
 * is left alone. One program at a time: who started it holds STATE_DIR/postgresql.lock; others may
 * attach.
 *
 * Blocking: used by main before the loop runs and after it ends, and by prism-db.
 * Errors: a message that says what was tried and what to do. */
#pragma once
#include "proto/bytes.h"

struct embedded;

enum {
	EMBEDDED_MESSAGE_SIZE = 512,
	EMBEDDED_CONNECTIONS = 100, /* max_connections of embedded_start() */
};

/* Starts or adopts. *out is NULL on failure. */
MUST_CHECK
bool embedded_start(struct embedded **out, const char *state_dir,
                    char message[EMBEDDED_MESSAGE_SIZE]);

/* The same, for a pool that needs more connections than embedded_start() provides for. */
MUST_CHECK
bool embedded_start_for(struct embedded **out, const char *state_dir, uint32_t connections,
                        char message[EMBEDDED_MESSAGE_SIZE]);

enum embedded_found {
	EMBEDDED_RUNNING, /* *out is set; end it with embedded_release() */
	EMBEDDED_STOPPED, /* there is a cluster, and embedded_start() would start it */
	EMBEDDED_ABSENT,  /* the state directory has none */
	EMBEDDED_ERROR,   /* with a message */
};

/* For a program that wants to use a cluster that another one runs; starts and makes nothing. */
MUST_CHECK
enum embedded_found embedded_attach(struct embedded **out, const char *state_dir,
                                    char message[EMBEDDED_MESSAGE_SIZE]);

/* libpq connection string of the started cluster; lives as long as it. */
const char *embedded_conninfo(const struct embedded *embedded);
int embedded_pid(const struct embedded *embedded);

/* A look at the server, and a new start if it was killed; the connection string stays what it was.
 * Cheap while it runs; blocks for as long as a start takes if not. False, with a message: it does
 * not start. For who started it; called now and then from the thread that did. */
MUST_CHECK
bool embedded_revive(struct embedded *embedded, bool *restarted,
                     char message[EMBEDDED_MESSAGE_SIZE]);

/* Fast shutdown (SIGINT), immediate after 30 s; frees. */
void embedded_stop(struct embedded *embedded);

/* Frees the handle and leaves the server running (for a caller that found it running). */
void embedded_release(struct embedded *embedded);

/* $STATE_DIRECTORY, else $XDG_STATE_HOME/prism, else /var/lib/prism for root, else
 * ~/.local/state/prism. False: it does not fit. */
MUST_CHECK
bool embedded_default_state_dir(char *out, size_t size);
