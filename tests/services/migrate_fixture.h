/* migrate_fixture - a cluster with a fresh database for each test, prism-db as a user runs it, and
 * directories of migrations made by a test. */
#pragma once
#include "db/migrate/migrate.h"
#include "tests/support/cluster.h"
#include "tests/support/program.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

struct fixture {
	char name[32];                        /* of the database */
	char conninfo[CLUSTER_CONNINFO_SIZE]; /* of the database */
	PGconn *connection;
	char text[PROGRAM_TEXT]; /* what prism-db printed last */
};

int fixture_group_setup(void **state);
int fixture_group_teardown(void **state);
int fixture_setup(void **state);
int fixture_teardown(void **state);
struct cluster *fixture_cluster(void);

/* Runs `prism-db --database-url DATABASE WORDS...`; the words end with NULL. The exit code. */
int fixture_run(struct fixture *fixture, ...) __attribute__((sentinel));

/* The same in the background: prism-db's process, with its output in the file `log`. */
pid_t fixture_spawn(struct fixture *fixture, const char *log, ...) __attribute__((sentinel));
int fixture_wait(pid_t pid); /* its exit code; 128 + signal */

void fixture_sql(struct fixture *fixture, const char *sql);
long fixture_number(struct fixture *fixture, const char *sql);

/* Repeats `sql` until it gives `wanted`; the test's own time limit ends it. */
void fixture_until(struct fixture *fixture, const char *sql, long wanted);

/* The revision that prism_meta says. */
long fixture_revision(struct fixture *fixture);

/* Writes directory/name. */
void fixture_file(const char *directory, const char *name, const char *content);
void fixture_migration(const char *directory, unsigned revision, const char *name, const char *up,
                       const char *down);

/* A row in each of the document's tables, for a database at 0001. */
extern const char fixture_seed_rows[];
