/* measure - what a database holds, in numbers: for a manifest, and to compare a restored one with
 * it. Private to backup/. */
#pragma once
#include "db/backup/backup.h"

#include <jansson.h>
#include <libpq-fe.h>

/* In the connection's transaction: {"revision", "server_version", "encoding", "collate", "ctype",
 * "locale_provider", "locale", "properties" (properties.h), "roles": [], "tables":
 * {"public.stories": {"rows": 12, "digest": "..."}}, "sequences": {}, "fingerprint"}. A digest, if
 * asked for, sums a hash of each row: equal rows give equal digests, in whatever order. NULL with a
 * message. */
MUST_CHECK
json_t *measure_take(PGconn *connection, bool digests, char message[BACKUP_MESSAGE_SIZE]);

/* Whether the restored database has what was measured at the dump; the message says what differs.
 */
MUST_CHECK
bool measure_equal(const json_t *dumped, const json_t *restored, char message[BACKUP_MESSAGE_SIZE]);

/* The revision by prism_meta; 0: none. */
MUST_CHECK
bool measure_revision(PGconn *connection, int *revision, char message[BACKUP_MESSAGE_SIZE]);
