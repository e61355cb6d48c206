/* backup_fixture - a database with rows in every table, and what tests of backups ask of it. */
#pragma once
#include "migrate_fixture.h"

/* A directory for a test's files, besides the database of migrate_fixture. */
int backup_setup(void **state);
int backup_teardown(void **state);

/* DIRECTORY/name; the last four results stay. */
const char *in_directory(const char *name);

/* The migrations and rows, `stories` more of them. */
void load(struct fixture *fixture, unsigned stories);

/* One text that any differing row, in any table of `database`, changes. On the heap. */
char *contents(struct fixture *fixture, const char *database);
void assert_same_contents(struct fixture *fixture, const char *one, const char *other);

/* Neither a scratch database nor a half-written file is left. */
void assert_nothing_left(struct fixture *fixture);
void assert_says(const struct fixture *fixture, const char *words);
