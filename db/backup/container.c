#include "db/backup/container.h"
#include "db/backup/child.h"

#include "db/startup/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const engines[] = {"docker", "podman"};
enum { ENGINES = sizeof engines / sizeof *engines, ANSWER_SIZE = 256 };

/* What a command says: its output, and the last line of its errors. */
struct answer {
	char text[ANSWER_SIZE], line[CHILD_ERROR_SIZE];
	size_t length;
};

static bool take(void *ctx, const char *data, size_t size)
{
	struct answer *answer = ctx;
	size_t room = sizeof answer->text - 1 - answer->length;
	size_t n = size < room ? size : room;
	memcpy(answer->text + answer->length, data, n);
	answer->length += n;
	answer->text[answer->length] = '\0';
	return true;
}

static void take_line(void *ctx, const char *line)
{
	struct answer *answer = ctx;
	if (*line)
		snprintf(answer->line, sizeof answer->line, "%s", line);
}

static bool ask_engine(struct answer *answer, const struct tool *tool)
{
	char error[CHILD_ERROR_SIZE];
	*answer = (struct answer){.length = 0};
	const struct child_io io = {.take = take, .line = take_line, .ctx = answer};
	bool good = tool_run(tool, &io, error);
	answer->text[strcspn(answer->text, "\n")] = '\0';
	if (!good && !*answer->line)
		snprintf(answer->line, sizeof answer->line, "%s", error);
	return good;
}

/* --- which one ---------------------------------------------------------------------------------
 */

enum found { NOT_INSTALLED, NOT_THERE, NOT_RUNNING, RUNNING };

static enum found look(const char *engine, const char *name, struct answer *answer)
{
	const char *const words[] = {engine,     "container",          "inspect",
	                             "--format", "{{.State.Running}}", name};
	struct tool tool = {.count = 0};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		tool_add(&tool, words[i]);
	if (!tool_in_path(engine))
		return NOT_INSTALLED;
	if (!ask_engine(answer, &tool))
		return NOT_THERE;
	return strcmp(answer->text, "true") == 0 ? RUNNING : NOT_RUNNING;
}

/* "ENGINE:NAME": of that one only. */
static bool read_name(const char *given, const char **engine, const char **name, char *message)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	const char *colon = strchr(given, ':');
	*engine = NULL;
	*name = colon ? colon + 1 : given;
	for (size_t i = 0; colon && i < ENGINES; i++)
		if (strncmp(given, engines[i], (size_t)(colon - given)) == 0 &&
		    strlen(engines[i]) == (size_t)(colon - given))
			*engine = engines[i];
	/* One that begins with "-" would be an option. */
	if ((!colon || *engine) && **name && !strchr("-._", **name) &&
	    !(*name)[strspn(*name, letters)])
		return true;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "--container is NAME, docker:NAME or podman:NAME, with a name of letters, digits, "
	         "'_', '.' and '-', not '%s'",
	         given);
	return false;
}

bool container_named(const struct backup_settings *settings, char message[BACKUP_MESSAGE_SIZE])
{
	const char *engine, *name;
	return !settings->container || read_name(settings->container, &engine, &name, message);
}

/* What each engine said, one after the other, behind `message`. */
static void add_words(char *message, const char *engine, enum found found, const char *line)
{
	size_t length = strlen(message);
	snprintf(message + length, BACKUP_MESSAGE_SIZE - length, "%s%s %s%s", length ? "; " : "",
	         engine, found == NOT_INSTALLED ? "is not installed" : "says: ",
	         found == NOT_INSTALLED ? "" : line);
}

bool container_find(struct container *out, const struct backup_settings *settings,
                    char message[BACKUP_MESSAGE_SIZE])
{
	const char *only, *name, *stopped = NULL;
	char words[BACKUP_MESSAGE_SIZE] = "";
	if (!read_name(settings->container, &only, &name, message))
		return false;
	for (size_t i = 0; i < ENGINES; i++) {
		struct answer answer = {.length = 0};
		if (only && only != engines[i])
			continue;
		enum found found = look(engines[i], name, &answer);
		*out = (struct container){.engine = engines[i], .name = name};
		if (found == RUNNING)
			return true;
		if (found == NOT_RUNNING)
			stopped = engines[i];
		else
			add_words(words, engines[i], found, answer.line);
	}
	if (stopped)
		snprintf(message, BACKUP_MESSAGE_SIZE, "the container %s does not run: %s start %s",
		         name, stopped, name);
	else
		snprintf(message, BACKUP_MESSAGE_SIZE, "there is no container %.64s: %.1800s", name,
		         words);
	return false;
}

/* --- whether it will do ------------------------------------------------------------------------
 */

static bool fail(char *message, const struct container *container, const char *what,
                 const char *line)
{
	snprintf(message, BACKUP_MESSAGE_SIZE, "%s in the container %s (%s): %s", what,
	         container->name, container->engine, line);
	return false;
}

static bool check_version(const struct container *container, unsigned major, const char *program,
                          char *message)
{
	struct answer answer;
	char what[128];
	struct tool tool = {.count = 0};
	tool_enter(&tool, container);
	tool_add(&tool, program);
	tool_add(&tool, "--version");
	snprintf(what, sizeof what, "cannot run %s", program);
	if (!ask_engine(&answer, &tool))
		return fail(message, container, what, answer.line);
	const char *number = strpbrk(answer.text, "0123456789");
	if (number && strtoul(number, NULL, 10) >= major)
		return true;
	snprintf(what, sizeof what, "the server is PostgreSQL %u, and %s is older", major, program);
	return fail(message, container, what, answer.text);
}

static const char identity_sql[] = "SELECT system_identifier FROM pg_control_system()";

/* A container of another server's would give its answer for ours. */
static bool check_server(const struct container *container, PGconn *connection, char *message)
{
	struct answer answer;
	struct tool tool;
	DB_RESULT ours = db_run(connection, "ask which server this is", identity_sql, 0, NULL,
	                        message, BACKUP_MESSAGE_SIZE);
	if (!ours ||
	    !tool_init_inside(&tool, container, connection, "psql", PQdb(connection), message))
		return false;
	static const char *const words[] = {"-X", "-A", "-t", "-w", "-c", identity_sql};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		tool_add(&tool, words[i]);
	bool good = ask_engine(&answer, &tool);
	tool_deinit(&tool);
	if (good && strcmp(answer.text, PQgetvalue(ours, 0, 0)) == 0)
		return true;
	/* A server that has not even the database is another one, too. */
	if (!good && !strstr(answer.line, "does not exist"))
		return fail(message, container, "cannot connect to PostgreSQL", answer.line);
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "the PostgreSQL in the container %s (%s) is another server than the one of the "
	         "connection, %s:%s",
	         container->name, container->engine, PQhost(connection), PQport(connection));
	return false;
}

bool container_check(const struct container *container, PGconn *connection, const char *program,
                     char message[BACKUP_MESSAGE_SIZE])
{
	unsigned major = (unsigned)PQserverVersion(connection) / 10000;
	return check_version(container, major, program, message) &&
	       check_server(container, connection, message);
}
