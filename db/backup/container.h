/* container - a container of Docker or Podman in which PostgreSQL's programs run. Private to
 * backup/. */
#pragma once
#include "db/backup/backup.h"
#include "db/backup/tool.h"

/* Whether the settings name a container as one can be named, or none. */
MUST_CHECK
bool container_named(const struct backup_settings *settings, char message[BACKUP_MESSAGE_SIZE]);

/* The container of settings->container: "NAME", of whichever engine has it, Docker asked first, or
 * "ENGINE:NAME". False: there is none, or it does not run. */
MUST_CHECK
bool container_find(struct container *out, const struct backup_settings *settings,
                    char message[BACKUP_MESSAGE_SIZE]);

/* Whether `program` ("pg_dump") is in it, of a version that fits, and comes to the connection's own
 * server from there. */
MUST_CHECK
bool container_check(const struct container *container, PGconn *connection, const char *program,
                     char message[BACKUP_MESSAGE_SIZE]);
