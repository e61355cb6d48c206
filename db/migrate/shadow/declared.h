/* declared - the schema as it should be: the .sql files of a directory, in the order of their
 * names.
 *
 * Plain SQL that makes everything in an empty database, with search_path = public. Owns: the texts.
 * Errors: a message that names file and line. */
#pragma once
#include "db/migrate/catalog/catalog.h"

struct declared_file {
	char *name, *text;
};

struct declared {
	struct declared_file *at;
	size_t count;
};

MUST_CHECK
bool declared_read(struct declared *declared, const char *directory, char *message,
                   size_t message_size);
void declared_clear(struct declared *declared);

/* What it makes of an empty database: in a transaction that is rolled back. */
MUST_CHECK
bool declared_catalog(const struct declared *declared, PGconn *connection, struct catalog **out,
                      char *message, size_t message_size);
