/* archive - a backup's file or directory: what format it is, what its bytes hash to, and whether
 * it is whole. Private to backup/. */
#pragma once
#include "db/backup/backup.h"

#include <jansson.h>
#include <openssl/evp.h>

/* By its contents, not its name. NONE with a message: it is not there, or no backup. */
MUST_CHECK
enum backup_format archive_sniff(const char *path, char message[BACKUP_MESSAGE_SIZE]);

/* {"NAME": {"bytes": 12, "sha256": "..."}}: NAME is "." for a file, else one in the directory. NULL
 * with a message. */
MUST_CHECK
json_t *archive_hash(const char *path, char message[BACKUP_MESSAGE_SIZE]);

/* The same of bytes that pass by, as the file "."; init and end belong together. */
struct archive_hashing {
	EVP_MD_CTX *sha256;
	uint64_t bytes;
	bool failed; /* out of memory: no hash is told of */
};
void archive_hashing_init(struct archive_hashing *hashing);
void archive_hashing_take(struct archive_hashing *hashing, const void *data, size_t size);
void archive_hashing_end(struct archive_hashing *hashing, const char *name, json_t *files);

/* Whether the bytes are those that were hashed; the message says which are not. */
MUST_CHECK
bool archive_equal(const json_t *expected, const json_t *found, char message[BACKUP_MESSAGE_SIZE]);

uint64_t archive_bytes(const json_t *files);

/* For plain SQL, compressed or not: read to its end, it is an undamaged dump of one database (it
 * ends as pg_dump ends it, and connects to no other). */
MUST_CHECK
bool archive_read_through(const char *path, char message[BACKUP_MESSAGE_SIZE]);

/* Everything on disk: the file, or the directory and its files. */
MUST_CHECK
bool archive_sync(const char *path, char message[BACKUP_MESSAGE_SIZE]);

/* Removes the file, or the directory and the files in it. */
void archive_remove(const char *path);

/* The directory that holds `path`, synced: a name that was given stays. */
void archive_sync_parent(const char *path);
