/* explain - what PostgreSQL said of a migration's SQL, with the line of its file. Private to
 * migrate/. */
#pragma once
#include "db/startup/connect.h"

/* "0007_topic.up.sql:12: column ...; hint: ... (SQLSTATE 42703)". `sql` begins in line `line` of
 * the file, which is told where PostgreSQL names no place; 0: it is the whole file. */
void explain(const PGresult *result, const char *file, const char *sql, unsigned line,
             char *message, size_t message_size);

/* A lock that was not to be had, or a deadlock. */
bool explain_is_locked_out(const PGresult *result);
