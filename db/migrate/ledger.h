/* ledger - what a database knows of its own migrations: schema prism_meta.
 *
 * schema_migrations has a row for each applied one, migration_log one for everything that was ever
 * done. Rows are written in the transaction of the step itself. Private to migrate/.
 * Errors: PostgreSQL's message. */
#pragma once
#include "db/migrate/migration.h"
#include "db/startup/connect.h"

struct ledger {
	struct migration_applied *rows; /* by revision */
	size_t count;
};

/* The statements that make it, and that let prism_app read it. */
extern const char ledger_sql[], ledger_share_sql[];

/* Makes prism_meta if it is not there. */
MUST_CHECK
bool ledger_create(PGconn *connection, char *message, size_t message_size);

/* Empty when there is no prism_meta. ledger_clear() ends it. */
MUST_CHECK
bool ledger_read(PGconn *connection, struct ledger *ledger, char *message, size_t message_size);
void ledger_clear(struct ledger *ledger);

enum ledger_verb { LEDGER_UPGRADE, LEDGER_DOWNGRADE, LEDGER_STAMP, LEDGER_UNSTAMP };

/* Adds the row (UPGRADE, STAMP) or removes it, and writes the log. */
MUST_CHECK
bool ledger_record(PGconn *connection, enum ledger_verb verb, const struct migration *migration,
                   int64_t duration_ms, char *message, size_t message_size);

/* Lets the daemon's role read which revision it finds, once that role exists. */
MUST_CHECK
bool ledger_share(PGconn *connection, char *message, size_t message_size);
