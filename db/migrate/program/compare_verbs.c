/* dump-schema. */
#include "db/migrate/catalog/catalog.h"
#include "db/migrate/diff/plan.h"
#include "db/migrate/program/verb.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_SIZE = 2048 };

static void print_schema(const struct catalog *catalog)
{
	const struct plan_settings settings = {.online = false};
	struct catalog *empty = catalog_empty(catalog);
	struct plan *plan = plan_make(empty, catalog, &settings);
	char *text = plan_text(plan);
	fputs(text, stdout);
	free(text);
	plan_free(plan);
	catalog_free(empty);
}

enum exit_code verb_dump_schema(const struct options *options)
{
	struct database database;
	PGconn *connection;
	struct catalog *catalog;
	char message[MESSAGE_SIZE];
	enum exit_code code = database_connect(&database, options, &connection);
	if (code != EXIT_DONE)
		return code;
	bool read = catalog_read(&catalog, connection, message, sizeof(message));
	database_disconnect(&database, connection);
	if (!read) {
		say("%s", message);
		return EXIT_FAILED;
	}
	print_schema(catalog);
	catalog_free(catalog);
	return EXIT_DONE;
}
