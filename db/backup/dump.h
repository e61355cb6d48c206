/* dump - pg_dump of one snapshot into a file or directory. Private to backup/. */
#pragma once
#include "db/backup/backup.h"

#include <jansson.h>
#include <libpq-fe.h>

struct dump_request {
	const char *snapshot; /* an exported one of the connection */
	const char *path;     /* of the directory, which is there and empty; for messages */
	int file;             /* to write to, unless the format is a directory */
	enum backup_format format;
	json_t *files;   /* gets the bytes' hash (archive.h), unless the format is a directory */
	unsigned tables; /* how many there are, for the progress */
};

MUST_CHECK
enum backup_status dump_run(const struct backup_settings *settings, PGconn *connection,
                            const struct dump_request *request, char message[BACKUP_MESSAGE_SIZE]);

/* How many jobs the directory format is to have. */
unsigned dump_jobs(const struct backup_settings *settings);
