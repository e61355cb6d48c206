/* ask - a statement that a signal ends, however long it takes. Private to backup/. */
#pragma once
#include "db/backup/backup.h"

#include "db/startup/connect.h"

/* As db_run(); a signal (interrupt.h) cancels it on the server. */
MUST_CHECK
PGresult *ask(PGconn *connection, const char *doing, const char *sql, int count,
              const char *const *values, char message[BACKUP_MESSAGE_SIZE]);
