#include "db/backup/tool.h"
#include "db/backup/container.h"

#include <assert.h>
#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static const char debian[] = "/usr/lib/postgresql";

void tool_add(struct tool *tool, const char *word)
{
	assert(tool->count + 1 < TOOL_WORDS_MAX);
	tool->words[tool->count++] = word;
}

bool tool_run(const struct tool *tool, const struct child_io *io, char error[CHILD_ERROR_SIZE])
{
	return child_run(tool->words, tool->env ? tool->env : environ, io, error);
}

/* --- which program -----------------------------------------------------------------------------
 */

/* The oldest one of Debian's that knows the server's version. */
static bool find_debian(const char *name, unsigned major, char path[BACKUP_PATH_SIZE])
{
	unsigned best = 0;
	DIR *directory = opendir(debian);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		unsigned version = (unsigned)strtoul(entry->d_name, NULL, 10);
		snprintf(path, BACKUP_PATH_SIZE, "%s/%u/bin/%s", debian, version, name);
		if (version >= major && (best == 0 || version < best) && access(path, X_OK) == 0)
			best = version;
	}
	if (directory)
		closedir(directory);
	snprintf(path, BACKUP_PATH_SIZE, "%s/%u/bin/%s", debian, best, name);
	return best > 0;
}

static bool take_version(void *ctx, const char *data, size_t size)
{
	char text[128] = "";
	memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
	const char *number = strpbrk(text, "0123456789");
	unsigned *version = ctx;
	if (number && *version == 0)
		*version = (unsigned)strtoul(number, NULL, 10);
	return true;
}

/* "pg_dump (PostgreSQL) 15.18" of what is in PATH; 0: there is none. */
static unsigned path_version(const char *name)
{
	unsigned version = 0;
	char error[CHILD_ERROR_SIZE];
	const char *const argv[] = {name, "--version", NULL};
	const struct child_io io = {.take = take_version, .ctx = &version};
	return child_run(argv, environ, &io, error) ? version : 0;
}

static bool find_program(struct tool *tool, const char *name, unsigned major, char *message)
{
	if (find_debian(name, major, tool->path))
		return true;
	unsigned version = path_version(name);
	snprintf(tool->path, sizeof tool->path, "%s", name);
	if (version >= major)
		return true;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "the server is PostgreSQL %u, and %s%s: apt-get install postgresql-client-%u, or "
	         "run "
	         "it in the server's container with --container",
	         major, name, version ? " in PATH is older" : " is not on this machine", major);
	return false;
}

/* --- where to ------------------------------------------------------------------------------------
 */

/* What has already decided where the connection went. */
static bool is_resolved(const char *keyword)
{
	static const char *const words[] = {"service", "target_session_attrs", "options",
	                                    "application_name"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(keyword, words[i]) == 0)
			return true;
	return false;
}

/* Of several hosts, and of a host's several addresses, the one that it went to. */
static const char *value_of(PGconn *connection, const PQconninfoOption *option)
{
	if (strcmp(option->keyword, "host") == 0)
		return PQhost(connection);
	if (strcmp(option->keyword, "hostaddr") == 0)
		return PQhostaddr(connection);
	if (strcmp(option->keyword, "port") == 0)
		return PQport(connection);
	if (strcmp(option->keyword, "password") == 0)
		return PQpass(connection);
	/* The database is in argv. */
	return is_resolved(option->keyword) || strcmp(option->keyword, "dbname") == 0 ? NULL
	                                                                              : option->val;
}

/* "NAME=value" for each of the connection's options that has an environment variable. */
static bool put_option(char **slot, PGconn *connection, const PQconninfoOption *option)
{
	const char *value = value_of(connection, option);
	*slot = NULL;
	if (!option->envvar || !value || !*value)
		return true;
	return asprintf(slot, "%s=%s", option->envvar, value) >= 0;
}

static bool is_ours(const char *entry)
{
	/* PGHOST, PGUSER, ... of our environment do not mix with the connection's own. */
	return strncmp(entry, "PG", 2) == 0 && strncmp(entry, "PGPASSFILE=", 11) != 0 &&
	       strncmp(entry, "PGSYSCONFDIR=", 13) != 0;
}

static char **make_env(PGconn *connection)
{
	size_t inherited = 0, count = 0, options = 0;
	PQconninfoOption *all = PQconninfo(connection);
	while (environ[inherited])
		inherited++;
	while (all && all[options].keyword)
		options++;
	char **env = all ? calloc(inherited + options + 1, sizeof *env) : NULL;
	bool good = env != NULL;
	for (size_t i = 0; good && i < options; i++) {
		good = put_option(&env[count], connection, &all[i]);
		count += env[count] != NULL;
	}
	for (size_t i = 0; good && i < inherited; i++)
		if (!is_ours(environ[i])) {
			env[count] = strdup(environ[i]);
			good = env[count++] != NULL;
		}
	PQconninfoFree(all);
	if (good)
		return env;
	for (size_t i = 0; env && i < count; i++)
		free(env[i]);
	free(env);
	return NULL;
}

/* A name with a "=" would be read as a connection string: it is one. */
static void name_database(struct tool *tool, const char *database)
{
	char *at = tool->database + sprintf(tool->database, "dbname='");
	for (size_t i = 0; database[i] && i < DATABASE_NAME_MAX; i++) {
		if (database[i] == '\'' || database[i] == '\\')
			*at++ = '\\';
		*at++ = database[i];
	}
	memcpy(at, "'", sizeof "'");
}

/* By this the sessions are found that outlive the engine's client. */
static void name_session(struct tool *tool)
{
	size_t length = strlen(tool->database);
	snprintf(tool->session, sizeof tool->session, "prism-db inside %08x", randombytes_random());
	snprintf(tool->database + length, sizeof tool->database - length, " application_name='%s'",
	         tool->session);
}

bool tool_in_path(const char *name)
{
	return path_version(name) > 0;
}

static void enter(struct tool *tool, const struct container *container, bool password)
{
	tool_add(tool, container->engine);
	tool_add(tool, "exec");
	tool_add(tool, "-i");
	if (password) {
		tool_add(tool, "-e"); /* without a value: it is that of our environment */
		tool_add(tool, "PGPASSWORD");
	}
	tool_add(tool, container->name);
}

void tool_enter(struct tool *tool, const struct container *container)
{
	enter(tool, container, false);
}

static bool take_env(struct tool *tool, PGconn *connection, char *message)
{
	tool->env = make_env(connection);
	if (!tool->env)
		snprintf(message, BACKUP_MESSAGE_SIZE, "out of memory");
	return tool->env != NULL;
}

bool tool_init_inside(struct tool *tool, const struct container *container, PGconn *connection,
                      const char *name, const char *database, char message[BACKUP_MESSAGE_SIZE])
{
	const char *password = PQpass(connection);
	*tool = (struct tool){.count = 0};
	name_database(tool, database);
	name_session(tool);
	enter(tool, container, password && *password);
	tool_add(tool, name);
	tool_add(tool, "-U");
	tool_add(tool, PQuser(connection));
	tool_add(tool, "-d");
	tool_add(tool, tool->database);
	return take_env(tool, connection, message);
}

bool tool_init(struct tool *tool, const struct backup_settings *settings, PGconn *connection,
               const char *name, const char *database, char message[BACKUP_MESSAGE_SIZE])
{
	struct container container;
	unsigned major = (unsigned)PQserverVersion(connection) / 10000;
	*tool = (struct tool){.count = 0};
	if (settings->container)
		return container_find(&container, settings, message) &&
		       tool_init_inside(tool, &container, connection, name, database, message);
	if (!find_program(tool, name, major, message))
		return false;
	name_database(tool, database);
	tool_add(tool, tool->path);
	tool_add(tool, "-d");
	tool_add(tool, tool->database);
	return take_env(tool, connection, message);
}

bool tool_check(const struct backup_settings *settings, PGconn *connection, const char *name,
                char message[BACKUP_MESSAGE_SIZE])
{
	struct tool tool = {.count = 0};
	struct container container;
	if (settings->container)
		return container_find(&container, settings, message) &&
		       container_check(&container, connection, name, message);
	return find_program(&tool, name, (unsigned)PQserverVersion(connection) / 10000, message);
}

void tool_deinit(struct tool *tool)
{
	for (size_t i = 0; tool->env && tool->env[i]; i++)
		free(tool->env[i]);
	free(tool->env);
	tool->env = NULL;
}
