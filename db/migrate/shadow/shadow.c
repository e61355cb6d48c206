#include "db/migrate/shadow/shadow.h"
#include "db/startup/connect.h"

#include <stdio.h>
#include <string.h>

static const char program[] = "prism-db shadow";

/* What is in it need not survive a crash of the server. */
static const char careless_sql[] =
	"SELECT format('ALTER DATABASE %I SET synchronous_commit = off', $1::text)";

static bool may_make_databases(PGconn *server, char *message, size_t message_size)
{
	DB_RESULT row = db_run(server, "look at the role",
	                       "SELECT rolcreatedb OR rolsuper, quote_ident(rolname) FROM pg_roles"
	                       " WHERE rolname = current_user",
	                       0, NULL, message, message_size);
	if (!row)
		return false;
	bool may = PQgetvalue(row, 0, 0)[0] == 't';
	if (!may)
		snprintf(message, message_size,
		         "a schema is built in a scratch database, and %s may make none: have an "
		         "administrator run ALTER ROLE %s CREATEDB, or use another server with "
		         "--database-url",
		         PQgetvalue(row, 0, 1), PQgetvalue(row, 0, 1));
	return may;
}

static bool make(struct shadow *shadow, PGconn *server, const char *conninfo, char *message,
                 size_t message_size)
{
	const struct scratch_request request = {
		.conninfo = conninfo, .purpose = "shadow", .like = PQdb(server)};
	if (!may_make_databases(server, message, message_size)) {
		PQfinish(server);
		return false;
	}
	if (!scratch_make(&shadow->scratch, server, &request, message, message_size))
		return false;
	if (scratch_conninfo(shadow->conninfo, conninfo, shadow->scratch.name))
		return scratch_run_given(server, "set the scratch database up", careless_sql,
		                         shadow->scratch.name, NULL, message, message_size);
	snprintf(message, message_size, "the connection string is too long");
	return false;
}

bool shadow_open(struct shadow *shadow, const char *conninfo, char *message, size_t message_size)
{
	*shadow = (struct shadow){.connection = NULL};
	PGconn *server = db_connect(conninfo, program, message, message_size);
	if (!server)
		return false;
	if (make(shadow, server, conninfo, message, message_size))
		shadow->connection = db_connect(shadow->conninfo, program, message, message_size);
	if (!shadow->connection)
		shadow_close(shadow);
	return shadow->connection;
}

bool shadow_is_open(const struct shadow *shadow)
{
	return shadow->connection;
}

void shadow_close(struct shadow *shadow)
{
	PQfinish(shadow->connection);
	scratch_drop(&shadow->scratch);
	*shadow = (struct shadow){.connection = NULL};
}

static bool migrate_to(struct shadow *shadow, const struct migration_set *set, bool up,
                       const char *target, char message[MIGRATE_MESSAGE_SIZE])
{
	struct migrate *migrate;
	const struct migrate_settings settings = {
		.conninfo = shadow->conninfo, .program = program, .set = set};
	if (migrate_open(&migrate, &settings, message) != MIGRATE_OK)
		return false;
	enum migrate_status status = up ? migrate_upgrade(migrate, target, message)
	                                : migrate_downgrade(migrate, target, message);
	migrate_close(migrate);
	return status == MIGRATE_OK;
}

bool shadow_upgrade(struct shadow *shadow, const struct migration_set *set, const char *target,
                    char message[MIGRATE_MESSAGE_SIZE])
{
	return strcmp(target, "base") == 0 || migrate_to(shadow, set, true, target, message);
}

bool shadow_downgrade(struct shadow *shadow, const struct migration_set *set, const char *target,
                      char message[MIGRATE_MESSAGE_SIZE])
{
	return migrate_to(shadow, set, false, target, message);
}
