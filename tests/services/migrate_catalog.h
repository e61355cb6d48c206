/* migrate_catalog - the schema of a database and the rows in it as text, to be compared.
 *
 * From the catalogs, in PostgreSQL's own canonical words; never pg_dump's text. Everything but
 * prism_meta, and the order of columns, which a way down and up again changes. */
#pragma once
#include <libpq-fe.h>

/* One line an object, sorted. The caller frees it. Fails the test when a query fails. */
char *catalog_dump(PGconn *connection);

/* The rows of the document's tables, in the columns that the document names. */
char *catalog_seed_rows(PGconn *connection);

/* Fails the test and prints the lines that only one of them has. */
void catalog_assert_equal(const char *what, const char *before, const char *after);
