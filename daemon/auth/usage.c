#include "daemon/auth/usage.h"

#include "db/queries.h"

#include <stdlib.h>

struct note {
	struct usage *usage;
	struct param param;
	struct db_request request;
};

static void on_answered(void *ctx, struct db_answer *answer)
{
	struct note *note = ctx;
	rows_clear(&answer->rows);
	note->usage->notes--;
	free(note);
}

void usage_note(struct usage *usage, int64_t key_id)
{
	if (usage->notes == USAGE_NOTES_MAX)
		return;
	struct note *note = calloc(1, sizeof(*note));
	if (!note)
		return;
	note->usage = usage;
	note->param = (struct param){.type = DB_INT8, .integer = key_id};
	note->request = (struct db_request){
		.statement = &SERVICE_KEY_USED,
		.params = {&note->param, 1},
		.done = on_answered,
		.ctx = note,
	};
	usage->notes++;
	pool_submit(usage->pool, &note->request);
}
