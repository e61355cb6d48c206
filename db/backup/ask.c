#include "db/backup/ask.h"
#include "db/backup/interrupt.h"

#include <poll.h>
#include <stdio.h>

static void cancel(PGconn *connection)
{
	char ignored[256];
	PGcancel *cancel = PQgetCancel(connection);
	(void)!PQcancel(cancel, ignored, sizeof ignored);
	PQfreeCancel(cancel);
}

/* Waits for the answer. False: a signal came first, and the statement is cancelled; it may still
 * have been done. */
static bool wait_for_answer(PGconn *connection)
{
	while (PQconsumeInput(connection) && PQisBusy(connection)) {
		struct pollfd fds[] = {{PQsocket(connection), POLLIN, 0},
		                       {interrupt_fd(), POLLIN, 0}};
		if (poll(fds, 2, -1) > 0 && fds[1].revents) {
			cancel(connection);
			return false;
		}
	}
	return true;
}

/* The last result of a statement, as PQexec() gives it. */
static PGresult *gather(PGconn *connection)
{
	PGresult *last = NULL, *next;
	while ((next = PQgetResult(connection))) {
		PQclear(last);
		last = next;
	}
	return last;
}

PGresult *ask(PGconn *connection, const char *doing, const char *sql, int count,
              const char *const *values, char message[BACKUP_MESSAGE_SIZE])
{
	PGresult *result = NULL;
	bool sent = PQsendQueryParams(connection, sql, count, NULL, values, NULL, NULL, 0);
	bool interrupted = sent && !wait_for_answer(connection);
	if (sent)
		result = gather(connection);
	ExecStatusType status = PQresultStatus(result);
	if (!interrupted && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK))
		return result;
	if (interrupted)
		snprintf(message, BACKUP_MESSAGE_SIZE, "interrupted");
	else
		db_message(message, BACKUP_MESSAGE_SIZE, doing, PQerrorMessage(connection));
	PQclear(result);
	return NULL;
}
