/* scratch - a database that is made for a while, and that nobody finds afterwards.
 *
 * Its name, prism_PURPOSE_KEY, tells a key that the session which makes it has an advisory lock of.
 * Three things drop it: scratch_drop(); a child process, if this one dies before; and, if that dies
 * too, the next run's scratch_sweep(), which drops those whose key nobody holds. Needs the right to
 * make databases. Owns: the database, the connection. Thread: one. Blocking. Errors: PostgreSQL's
 * message. */
#pragma once
#include "proto/status.h"

#include <libpq-fe.h>
#include <stddef.h>
#include <sys/types.h>

enum { SCRATCH_NAME_SIZE = 64, SCRATCH_CONNINFO_SIZE = 2304, SCRATCH_SQLSTATE_SIZE = 6 };

struct scratch {
	PGconn *server;               /* in which it is made, renamed and dropped */
	char name[SCRATCH_NAME_SIZE]; /* "": there is none */
	pid_t guardian;
	int to_guardian;
	char sqlstate[SCRATCH_SQLSTATE_SIZE]; /* of what scratch_make() failed at; "" */
};

/* SQL: the locale of the row d of pg_database, as scratch_make() takes it. */
#define SCRATCH_LOCALE                                                                             \
	"jsonb_build_object('encoding', pg_encoding_to_char(d.encoding), 'collate', "              \
	"d.datcollate, 'ctype', d.datctype, 'locale_provider', to_jsonb(d) ->> 'datlocprovider', " \
	"'locale', coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale'))"

struct scratch_request {
	const char *conninfo; /* of another database of the server, for the guardian */
	const char *purpose;  /* lower-case letters */
	const char *like;     /* the database whose locale it has; NULL: */
	const char *locale;   /* JSON; what it does not have is the server's. NULL: all is */
};

/* Takes over `server`, whether or not it succeeds. */
MUST_CHECK
bool scratch_make(struct scratch *out, PGconn *server, const struct scratch_request *request,
                  char *message, size_t message_size);

/* Drops it, whoever is connected to it, if it is still there by its name; ends the connection. */
void scratch_drop(struct scratch *scratch);

/* It has got another name, and stays. */
void scratch_keep(struct scratch *scratch);

/* Drops what dead runs left on the server, as far as this user may: no database that a live run has
 * or that somebody is connected to. Nothing that is worth a message can go wrong. */
void scratch_sweep(PGconn *server);

/* The connection string, for another database of the same server. False: it is too long. */
MUST_CHECK
bool scratch_conninfo(char out[SCRATCH_CONNINFO_SIZE], const char *conninfo, const char *database);

/* Runs the statements that `sql` gives, a row each; up to two parameters, NULL: it has none. */
MUST_CHECK
bool scratch_run_given(PGconn *server, const char *doing, const char *sql, const char *first,
                       const char *second, char *message, size_t message_size);
