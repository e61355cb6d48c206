/* step - one migration, up or down, and the row that records it, in one transaction, unless its
 * file asks to run statement by statement (autocommit.h). Private to migrate/. */
#pragma once
#include "db/migrate/ledger.h"

enum step_outcome {
	STEP_DONE,
	STEP_BLOCKED, /* other sessions held the locks that it needs, through every attempt */
	STEP_FAILED,
};

struct step {
	const struct migration *migration;
	bool up;
	void (*note)(void *ctx, const char *line);
	void *ctx;
};

/* How each transaction begins. SET LOCAL: what a file sets for its session must not reach the next
 * one. */
#define STEP_BEGIN                                                            \
	"BEGIN; SET LOCAL search_path = public; SET LOCAL TimeZone = 'UTC'; " \
	"SET LOCAL lock_timeout = '2s'"

/* Tries again when a lock is not to be had: waiting for one makes everybody queue behind us. */
MUST_CHECK
enum step_outcome step_run(PGconn *connection, const struct step *step, char *message,
                           size_t message_size);

/* Runs it in the transaction that is open and records nothing: the caller rolls back. One that runs
 * statement by statement is not tried, which is noted. */
MUST_CHECK
enum step_outcome step_try(PGconn *connection, const struct step *step, char *message,
                           size_t message_size);
