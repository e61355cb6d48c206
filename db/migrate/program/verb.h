/* verb - what prism-db can be told to do, a table row each, and what they share. */
#pragma once
#include "db/embedded.h"
#include "db/keys/keyring.h"
#include "db/migrate/program/options.h"
#include "db/startup/connect.h"
#include "db/startup/state_dir.h"

/* Documented in `prism-db --help`. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,
	EXIT_BUSY = 4,
	EXIT_MISMATCH = 5,
};

struct verb {
	const char *name, *synopsis, *summary, *help;
	size_t operands_least, operands_most; /* after the verb */
	enum exit_code (*run)(const struct options *options);
	const char *options; /* that it takes, besides those of every verb */
};

enum exit_code verb_upgrade(const struct options *options);
enum exit_code verb_downgrade(const struct options *options);
enum exit_code verb_current(const struct options *options);
enum exit_code verb_history(const struct options *options);
enum exit_code verb_heads(const struct options *options);
enum exit_code verb_show(const struct options *options);
enum exit_code verb_verify(const struct options *options);
enum exit_code verb_stamp(const struct options *options);
enum exit_code verb_backup(const struct options *options);
enum exit_code verb_restore(const struct options *options);
enum exit_code verb_revision(const struct options *options);
enum exit_code verb_check(const struct options *options);
enum exit_code verb_lint(const struct options *options);
enum exit_code verb_diff(const struct options *options);
enum exit_code verb_dump_schema(const struct options *options);
enum exit_code verb_create_key(const struct options *options);
enum exit_code verb_list_keys(const struct options *options);
enum exit_code verb_revoke_key(const struct options *options);
enum exit_code verb_keys(const struct options *options);
enum exit_code verb_conninfo(const struct options *options);

/* "prism-db: ..." on standard error. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* Which database a command is for. */
struct database {
	const char *conninfo;
	struct embedded *embedded; /* NULL: one that was named */
	bool started;              /* by us: it is stopped again */
	char state_dir[STATE_PATH_SIZE];
};

enum database_need {
	DATABASE_THERE,    /* an embedded cluster has to exist */
	DATABASE_MADE,     /* made if it is not there */
	DATABASE_OPTIONAL, /* a stopped one is left alone, conninfo is NULL then */
};

/* The URL's, else the embedded one of the state directory: used if it runs, started if not. Says
 * which on standard error. False: it said why. */
MUST_CHECK
bool database_open(struct database *out, const struct options *options, enum database_need need);
void database_close(struct database *database);

/* An existing one, and a connection to it. What it returns is EXIT_DONE, or it said why not. */
MUST_CHECK
enum exit_code database_connect(struct database *database, const struct options *options,
                                PGconn **connection);
void database_disconnect(struct database *database, PGconn *connection);
