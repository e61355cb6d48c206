/* backup - the database into a file with a manifest beside it, and back.
 *
 * pg_dump, pg_restore and psql do the work. A backup's manifest (FILE.manifest.json) says what was
 * in the database at the dump's own snapshot; a restore is made in a new database, compared with
 * the manifest there, and only then takes the target's place: a file that is damaged leaves the
 * target as it was. Blocking; Thread: one at a time. Errors: enum backup_status and a message for
 * people. */
#pragma once
#include "proto/status.h"

#include <stddef.h>
#include <stdint.h>

enum { BACKUP_MESSAGE_SIZE = 2048, BACKUP_PATH_SIZE = 1024, BACKUP_JOBS_MAX = 64 };

enum backup_status {
	BACKUP_OK,
	BACKUP_REFUSED,     /* the request makes no sense, or would overwrite something */
	BACKUP_UNREACHABLE, /* no connection */
	BACKUP_BUSY,        /* sessions use the database that is to be replaced */
	BACKUP_DAMAGED,     /* the file is not what its manifest says, or no backup at all */
	BACKUP_FAILED,
};

enum backup_format {
	BACKUP_FORMAT_NONE,
	BACKUP_PLAIN,      /* SQL, as psql reads it */
	BACKUP_PLAIN_GZIP, /* the same through gzip */
	BACKUP_CUSTOM,     /* pg_dump's compressed archive */
	BACKUP_DIRECTORY,  /* a directory, dumped and restored by several jobs */
};

/* How far the work is; totals are 0 where nobody knows. */
struct backup_step {
	const char *doing; /* "dumping", "restoring", ... */
	uint64_t bytes, bytes_total;
	unsigned tables, tables_total;
};

struct backup_settings {
	const char *conninfo;
	const char *program; /* for pg_stat_activity */
	const char
		*container; /* of Docker or Podman, in which the tools run; NULL: on this machine */
	unsigned jobs;      /* of the directory format; 0: one for each processor, up to four */
	bool replace;       /* overwrite the file; take the place of a database with contents */
	/* SIGINT, SIGTERM and SIGHUP end what runs, which then cleans up and fails; the process
	 * cannot be ended otherwise by them from then on. */
	bool interruptible;
	/* May be NULL. `note`: a line for people. */
	void (*progress)(void *ctx, const struct backup_step *step);
	void (*note)(void *ctx, const char *line);
	void *ctx;
};

/* "plain", "gzip", "custom", "directory"; BACKUP_FORMAT_NONE for another word. */
enum backup_format backup_format_named(const char *word);

/* By the end of the name: .sql, .sql.gz, .dir and "/" (directory), else custom. */
enum backup_format backup_format_of(const char *path);
const char *backup_format_name(enum backup_format format);

struct backup_request {
	const char *path;
	enum backup_format format; /* NONE: by the name */
	bool verify;               /* restore it into a scratch database and compare every row */
};

/* Writes the backup and its manifest. Until it is whole it has the name PATH.partial. */
MUST_CHECK
enum backup_status backup_make(const struct backup_settings *settings,
                               const struct backup_request *request,
                               char message[BACKUP_MESSAGE_SIZE]);

/* A name for a backup in `directory`: prism_db-0018-20260229T120000Z.dump. */
MUST_CHECK
enum backup_status backup_name(const struct backup_settings *settings, const char *directory,
                               char path[BACKUP_PATH_SIZE], char message[BACKUP_MESSAGE_SIZE]);

/* Removes all but the `keep` newest of the backups in `directory` that backup_name() named. */
MUST_CHECK
enum backup_status backup_prune(const struct backup_settings *settings, const char *directory,
                                unsigned keep, char message[BACKUP_MESSAGE_SIZE]);

/* `database`: the name of the database to restore into; NULL: the one of the conninfo. It is made,
 * or must be empty; with `replace` one with contents is kept under another name, which is noted. */
MUST_CHECK
enum backup_status backup_restore(const struct backup_settings *settings, const char *path,
                                  const char *database, char message[BACKUP_MESSAGE_SIZE]);
