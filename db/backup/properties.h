/* properties - what belongs to a database and no dump of it has: its owner, comment and grants, and
 * the settings that it, or a role in it, has. Private to backup/.
 *
 * JSON: {"owner": "prism", "comment": null, "grants": null or [{"to": null, "privilege": "CONNECT",
 * "grantable": false}], "settings": [{"role": null, "name": "lock_timeout", "value": "7s"}]}. No
 * grants at all means PostgreSQL's own; "to" null is PUBLIC, "role" null everybody. */
#pragma once
#include "db/backup/backup.h"

#include <jansson.h>
#include <libpq-fe.h>

/* NULL with a message. */
MUST_CHECK
json_t *properties_read(PGconn *connection, const char *database,
                        char message[BACKUP_MESSAGE_SIZE]);

/* What a restored database gets: the properties of the one whose place it takes; what that does
 * not have is the backup's. Either may be NULL. A new reference. */
json_t *properties_merge(const json_t *former, const json_t *dumped);

/* In the connection's transaction. What the user may not set is told by a note. False: the
 * transaction is lost, with a message. */
MUST_CHECK
bool properties_apply(PGconn *connection, const struct backup_settings *settings,
                      const char *database, const json_t *properties,
                      char message[BACKUP_MESSAGE_SIZE]);
