#include "db/migrate/shadow/declared.h"
#include "db/migrate/explain.h"
#include "db/migrate/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 4 << 20, PATH_SIZE = 4096 };

static int is_sql(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	return len > 4 && strcmp(entry->d_name + len - 4, ".sql") == 0;
}

static char *read_text(const char *path, char *message, size_t message_size)
{
	FILE *stream = fopen(path, "re");
	char *text = must_zero(FILE_SIZE_MAX + 1, 1);
	size_t len = stream ? fread(text, 1, FILE_SIZE_MAX + 1, stream) : 0;
	bool fit = stream && !ferror(stream) && len <= FILE_SIZE_MAX && !memchr(text, '\0', len);
	if (!stream)
		snprintf(message, message_size, "%s: %s", path, strerror(errno));
	else if (!fit)
		snprintf(message, message_size,
		         "%s: cannot be read, is over 4 MiB, or contains a NUL", path);
	if (stream)
		fclose(stream);
	if (fit)
		text[len] = '\0';
	char *result = fit ? must(strdup(text)) : NULL;
	free(text);
	return result;
}

bool declared_read(struct declared *declared, const char *directory, char *message,
                   size_t message_size)
{
	struct dirent **entries = NULL;
	char path[PATH_SIZE];
	*declared = (struct declared){0};
	int count = scandir(directory, &entries, is_sql, alphasort);
	if (count <= 0)
		snprintf(message, message_size, "%s: %s", directory,
		         count < 0 ? strerror(errno) : "there are no .sql files in it");
	bool read = count > 0;
	if (read)
		declared->at = must_zero((size_t)count, sizeof(struct declared_file));
	for (int i = 0; i < count; i++) {
		char *text = NULL;
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (read)
			text = read_text(path, message, message_size);
		read = text;
		if (text)
			declared->at[declared->count++] =
				(struct declared_file){must(strdup(entries[i]->d_name)), text};
		free(entries[i]);
	}
	free(entries);
	if (!read)
		declared_clear(declared);
	return read;
}

void declared_clear(struct declared *declared)
{
	for (size_t i = 0; i < declared->count; i++) {
		free(declared->at[i].name);
		free(declared->at[i].text);
	}
	free(declared->at);
	*declared = (struct declared){0};
}

static bool run_file(PGconn *connection, const struct declared_file *file, char *message,
                     size_t message_size)
{
	DB_RESULT result = PQexec(connection, file->text);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
	    status != PGRES_EMPTY_QUERY) {
		explain(result, file->name, file->text, 0, message, message_size);
		return false;
	}
	if (PQtransactionStatus(connection) == PQTRANS_INTRANS)
		return true;
	snprintf(message, message_size,
	         "%s ends the transaction that it is read in: remove its BEGIN, COMMIT or ROLLBACK",
	         file->name);
	return false;
}

bool declared_catalog(const struct declared *declared, PGconn *connection, struct catalog **out,
                      char *message, size_t message_size)
{
	/* The files stand in the order of their topics: a function may name a table of a later one.
	 */
	DB_RESULT begun = PQexec(
		connection, "BEGIN; SET LOCAL search_path = public; SET LOCAL TimeZone = 'UTC';"
			    "SET LOCAL check_function_bodies = off");
	bool read = PQresultStatus(begun) == PGRES_COMMAND_OK;
	if (!read)
		db_message(message, message_size, "begin a transaction",
		           PQerrorMessage(connection));
	for (size_t i = 0; read && i < declared->count; i++)
		read = run_file(connection, &declared->at[i], message, message_size);
	read = read && catalog_read(out, connection, message, message_size);
	PQclear(PQexec(connection, "ROLLBACK"));
	return read;
}
