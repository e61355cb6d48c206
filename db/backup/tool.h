/* tool - PostgreSQL's own programs, of a version that fits, told how to connect. Private to
 * backup/. */
#pragma once
#include "db/backup/backup.h"
#include "db/backup/child.h"

#include <libpq-fe.h>

enum { TOOL_WORDS_MAX = 32, DATABASE_NAME_MAX = 63 };

struct tool {
	const char *words[TOOL_WORDS_MAX]; /* argv */
	size_t count;
	char path[BACKUP_PATH_SIZE];
	char database[2 * DATABASE_NAME_MAX + sizeof "dbname=''"];
	char **env; /* with PGHOST and the like, as the connection went: passwords stay out of argv
	             */
};

/* `name` ("pg_dump"), at least of the server's major version, for the database `database` of the
 * connection's server. In a container it is the container's own, which connects there by its
 * socket. */
MUST_CHECK
bool tool_init(struct tool *tool, const struct backup_settings *settings, PGconn *connection,
               const char *name, const char *database, char message[BACKUP_MESSAGE_SIZE]);
void tool_deinit(struct tool *tool);

/* One more argument; it must outlive the tool. */
void tool_add(struct tool *tool, const char *word);

/* As child_run(). */
MUST_CHECK
bool tool_run(const struct tool *tool, const struct child_io *io, char error[CHILD_ERROR_SIZE]);
