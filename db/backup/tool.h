/* tool - PostgreSQL's own programs, of a version that fits, told how to connect. Private to
 * backup/. */
#pragma once
#include "db/backup/backup.h"
#include "db/backup/child.h"

#include <libpq-fe.h>

enum { TOOL_WORDS_MAX = 32, DATABASE_NAME_MAX = 63, TOOL_SESSION_SIZE = 32 };

/* Strings are of the settings. */
struct container {
	const char *engine; /* "docker" or "podman" */
	const char *name;
};

struct tool {
	const char *words[TOOL_WORDS_MAX]; /* argv */
	size_t count;
	char path[BACKUP_PATH_SIZE];
	char database[2 * DATABASE_NAME_MAX + TOOL_SESSION_SIZE +
	              sizeof "dbname='' application_name=''"];
	char session[TOOL_SESSION_SIZE]; /* in a container: the application_name, nobody else's */
	char **env; /* with PGHOST and the like, as the connection went: passwords stay out of argv
	             */
};

/* Whether `name` ("pg_dump") is to be had for the connection's server. Costs a few processes in a
 * container; tool_init() may fail after it all the same. */
MUST_CHECK
bool tool_check(const struct backup_settings *settings, PGconn *connection, const char *name,
                char message[BACKUP_MESSAGE_SIZE]);

/* `name`, at least of the server's major version, for the database `database` of the connection's
 * server. In a container it is the container's own, which connects there by its socket. */
MUST_CHECK
bool tool_init(struct tool *tool, const struct backup_settings *settings, PGconn *connection,
               const char *name, const char *database, char message[BACKUP_MESSAGE_SIZE]);

/* The same in a container that is known. */
MUST_CHECK
bool tool_init_inside(struct tool *tool, const struct container *container, PGconn *connection,
                      const char *name, const char *database, char message[BACKUP_MESSAGE_SIZE]);
void tool_deinit(struct tool *tool);

/* Whether there is such a program, and it says its version. */
bool tool_in_path(const char *name);

/* The words that run what follows in the container. */
void tool_enter(struct tool *tool, const struct container *container);

/* One more argument; it must outlive the tool. */
void tool_add(struct tool *tool, const char *word);

/* As child_run(). */
MUST_CHECK
bool tool_run(const struct tool *tool, const struct child_io *io, char error[CHILD_ERROR_SIZE]);
