#include "tests/services/session.h"

#include "tests/services/story_fixture.h"

#include <libpq-fe.h>

static PGconn *connection;

static void begin(void)
{
	connection = PQconnectdb(cluster_conninfo(tenant.stack.cluster));
	if (PQstatus(connection) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(connection));
}

bool session(const char *sql)
{
	if (!connection)
		begin();
	PGresult *result = PQexec(connection, sql);
	bool good = PQresultStatus(result) == PGRES_COMMAND_OK ||
	            PQresultStatus(result) == PGRES_TUPLES_OK;
	PQclear(result);
	return good;
}

void session_end(void)
{
	PQfinish(connection);
	connection = NULL;
}
