/* autocommit - a migration that runs statement by statement, for what PostgreSQL refuses in a
 * transaction (CREATE INDEX CONCURRENTLY). Private to migrate/.
 *
 * Its file begins with the comment `-- prism: transaction none`. Each statement is one transaction
 * together with the row that counts it; one that PostgreSQL refuses there (SQLSTATE 25001) runs
 * alone, and says before that it is about to. So a run that was killed goes on where it stopped: an
 * index that was left invalid is dropped and built again, one that was completed counts as done. */
#pragma once
#include "db/migrate/step.h"

/* Whether the file asks for it. */
bool autocommit_wanted(const char *sql);

/* As one attempt of step_run(): the statements that are left, and the row that records the
 * migration. *locked_out: a lock was not to be had; what was done stays done. */
MUST_CHECK
bool autocommit_run(PGconn *connection, const struct step *step, const char *file, bool *locked_out,
                    char *message, size_t message_size);
