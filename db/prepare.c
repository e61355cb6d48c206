#include "db/prepare.h"

#include <stdio.h>
#include <string.h>

static size_t next_of_lane(enum lane lane, size_t i)
{
	while (i < statement_count && (statements[i]->lane != lane || statements[i]->unprepared))
		i++;
	return i;
}

/* Parameter types are left to PostgreSQL: the check has compared them with the declared ones. */
bool prepare_start(struct prepare *prepare, struct db_connection *connection, enum lane lane)
{
	*prepare = (struct prepare){.lane = lane, .next = next_of_lane(lane, 0)};
	for (size_t i = prepare->next; i < statement_count; i = next_of_lane(lane, i + 1))
		if (!PQsendPrepare(connection->pg, statements[i]->name, statements[i]->sql, 0,
		                   NULL))
			return false;
	return PQpipelineSync(connection->pg) && db_connection_flush(connection);
}

static void refuse(struct prepare *prepare, const PGresult *result)
{
	const char *name = prepare->next < statement_count ? statements[prepare->next]->name : "?";
	const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	prepare->failed = true;
	prepare->failure.kind = failure_of_prepare(sqlstate ? sqlstate : "");
	bool schema = prepare->failure.kind == FAILURE_SCHEMA;
	snprintf(prepare->failure.message, sizeof(prepare->failure.message),
	         "statement %s cannot be prepared: %s%s", name, words ? words : "?",
	         schema ? "; run `prism-db upgrade head`" : "");
}

/* False: the link is dead. */
static bool take(struct prepare *prepare, const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_COMMAND_OK)
		prepare->next = next_of_lane(prepare->lane, prepare->next + 1);
	else if (status == PGRES_FATAL_ERROR && !prepare->failed)
		refuse(prepare, result);
	return status != PGRES_FATAL_ERROR || PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

enum prepare_result prepare_pump(struct prepare *prepare, struct db_connection *connection)
{
	int nulls = 0;
	while (!PQisBusy(connection->pg)) {
		PGresult *result = PQgetResult(connection->pg);
		if (!result) {
			if (++nulls > 2)
				return PREPARE_DEAD;
			continue;
		}
		nulls = 0;
		bool synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		bool alive = take(prepare, result);
		PQclear(result);
		if (!alive)
			return PREPARE_DEAD;
		if (synced)
			return prepare->failed ? PREPARE_FAILED : PREPARE_DONE;
	}
	return PREPARE_WAITING;
}
