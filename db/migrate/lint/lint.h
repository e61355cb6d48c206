/* lint - what a migration does to a database in use, found by running it.
 *
 * In a scratch database that is at the revision before; after each statement the server is asked
 * what it has locked, read through and written anew. So what counts is what PostgreSQL does, not
 * what the SQL looks like. Blocking. Errors: a message. Out of memory ends the program. */
#pragma once
#include "db/migrate/migrate.h"

enum rule {
#define RULE(constant, name, about) RULE_##constant,
#include "db/migrate/lint/rules.def"
#undef RULE
	RULE_COUNT
};

struct rule_info {
	const char *name, *about;
};
extern const struct rule_info rules[RULE_COUNT];

struct finding {
	enum rule rule;
	const char *file; /* "0019_topic.up.sql" */
	unsigned line;    /* 0: of the file as a whole */
	const char *text;
};

struct lint_settings {
	const char *conninfo; /* of a database on the server to use */
	const struct migration_set *set;
	void (*each)(void *ctx, const struct finding *finding); /* not for what is allowed */
	void *ctx;
};

/* False: the migration does not run, or there is no scratch database. */
MUST_CHECK
bool lint_revision(const struct lint_settings *settings, uint32_t revision,
                   char message[MIGRATE_MESSAGE_SIZE]);
