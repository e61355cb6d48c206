/* session - a session of SQL that stands in the way of what is tested.
 *
 * Owns: a connection, from its first statement to session_end(). One at a time. Thread: the
 * test's. */
#pragma once
#include <stdbool.h>

/* Runs SQL: "BEGIN; UPDATE ..." holds its locks until the end of its transaction. False: it
 * failed. */
bool session(const char *sql);

void session_end(void);
