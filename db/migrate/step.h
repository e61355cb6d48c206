/* step - one migration, up or down, and the row that records it, in one transaction. Private to
 * migrate/. */
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

/* Tries again when a lock is not to be had: waiting for one makes everybody queue behind us. */
MUST_CHECK
enum step_outcome step_run(PGconn *connection, const struct step *step, char *message,
                           size_t message_size);
