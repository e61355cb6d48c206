/* catalog - the schema of a database as objects, sorted by kind and name, with what each depends
 * on.
 *
 * Everything but what belongs to an extension, the server, or prism_meta; the order of columns is
 * not part of it. Owns: the objects and their texts. Lifetime: catalog_read() .. catalog_free();
 * needs no connection in between. Thread: any; immutable. Errors: false with PostgreSQL's message;
 * out of memory ends the program: this is for tools. */
#pragma once
#include "db/migrate/catalog/object.h"

#include <libpq-fe.h>

enum { CATALOG_FINGERPRINT_SIZE = 65 };

struct catalog {
	struct object **at;
	size_t count;
};

/* In the transaction that is open, else in one of its own. */
MUST_CHECK
bool catalog_read(struct catalog **out, PGconn *connection, char *message, size_t message_size);

/* A new database: what `of` has that every new one has. Borrows from `of`. */
struct catalog *catalog_empty(const struct catalog *of);
void catalog_free(struct catalog *catalog);

/* NULL: there is none. */
struct object *catalog_find(const struct catalog *catalog, enum kind kind, const char *name);

/* How a value of type `source` becomes a `target`: pg_cast's castcontext, or 0: only by its text.
 */
char catalog_cast(const struct catalog *catalog, const char *source, const char *target);

/* Orders by kind, then name. */
int object_compare(const struct object *a, const struct object *b);

/* SHA-256 of all that is compared, in hexadecimal: equal for equal schemas, on one version of
 * PostgreSQL. */
void catalog_fingerprint(const struct catalog *catalog, char fingerprint[CATALOG_FINGERPRINT_SIZE]);
