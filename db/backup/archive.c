#include "db/backup/archive.h"
#include "db/backup/interrupt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 256 << 10, LINE_KEPT = 256 };

static bool fail(char *message, const char *what, const char *path)
{
	snprintf(message, BACKUP_MESSAGE_SIZE, "cannot %s %s: %s", what, path, strerror(errno));
	return false;
}

/* --- what it is --------------------------------------------------------------------------------
 */

static bool has_toc(const char *path)
{
	char toc[BACKUP_PATH_SIZE + 16];
	snprintf(toc, sizeof toc, "%s/toc.dat", path);
	return access(toc, R_OK) == 0;
}

static enum backup_format sniff_file(const char *path, char *message)
{
	static const char plain[] = "--\n-- PostgreSQL database dump";
	unsigned char start[64] = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, start, sizeof start - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		(void)fail(message, "read", path);
		return BACKUP_FORMAT_NONE;
	}
	if (memcmp(start, "PGDMP", 5) == 0)
		return BACKUP_CUSTOM;
	if (start[0] == 0x1f && start[1] == 0x8b)
		return BACKUP_PLAIN_GZIP;
	if (strncmp((const char *)start, plain, sizeof plain - 1) == 0)
		return BACKUP_PLAIN;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "%s is no backup: it begins neither as SQL of pg_dump (plain or gzip) nor as its "
	         "custom format%s",
	         path, n == 0 ? "; it is empty" : "");
	return BACKUP_FORMAT_NONE;
}

enum backup_format archive_sniff(const char *path, char message[BACKUP_MESSAGE_SIZE])
{
	struct stat status;
	if (stat(path, &status) != 0) {
		(void)fail(message, "open", path);
		return BACKUP_FORMAT_NONE;
	}
	if (!S_ISDIR(status.st_mode))
		return sniff_file(path, message);
	if (has_toc(path))
		return BACKUP_DIRECTORY;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "%s is no backup: the directory has no toc.dat, as pg_dump makes it", path);
	return BACKUP_FORMAT_NONE;
}

/* --- what its bytes are ------------------------------------------------------------------------
 */

void archive_hashing_init(struct archive_hashing *hashing)
{
	*hashing = (struct archive_hashing){.sha256 = EVP_MD_CTX_new()};
	hashing->failed =
		!hashing->sha256 || !EVP_DigestInit_ex(hashing->sha256, EVP_sha256(), NULL);
}

void archive_hashing_take(struct archive_hashing *hashing, const void *data, size_t size)
{
	if (!hashing->failed)
		hashing->failed = !EVP_DigestUpdate(hashing->sha256, data, size);
	hashing->bytes += size;
}

void archive_hashing_end(struct archive_hashing *hashing, const char *name, json_t *files)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned size = 0;
	if (!hashing->failed && EVP_DigestFinal_ex(hashing->sha256, hash, &size)) {
		sodium_bin2hex(hex, sizeof hex, hash, size);
		json_object_set_new(files, name,
		                    json_pack("{s:I, s:s}", "bytes", (json_int_t)hashing->bytes,
		                              "sha256", hex));
	}
	EVP_MD_CTX_free(hashing->sha256);
}

static bool hash_file(const char *path, const char *name, json_t *out, char *message)
{
	struct archive_hashing hashing;
	char *block = malloc(BLOCK);
	int fd = block ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : 1;
	archive_hashing_init(&hashing);
	while (fd >= 0 && !interrupt_came() && (n = read(fd, block, BLOCK)) > 0)
		archive_hashing_take(&hashing, block, (size_t)n);
	if (n < 0)
		(void)fail(message, "read", path);
	else if (n > 0)
		snprintf(message, BACKUP_MESSAGE_SIZE, "interrupted");
	if (fd >= 0)
		close(fd);
	free(block);
	archive_hashing_end(&hashing, name, out);
	if (n == 0 && !json_object_get(out, name))
		snprintf(message, BACKUP_MESSAGE_SIZE, "out of memory");
	return n == 0 && json_object_get(out, name);
}

/* Calls `each` for every file of a directory, in the order of their names. */
static bool each_file(const char *path,
                      bool (*each)(const char *path, const char *name, void *ctx, char *message),
                      void *ctx, char *message)
{
	struct dirent **entries;
	bool good = true;
	int count = scandir(path, &entries, NULL, alphasort);
	if (count < 0)
		return fail(message, "read", path);
	for (int i = 0; i < count; i++) {
		char file[BACKUP_PATH_SIZE + 300];
		snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
		if (good && entries[i]->d_name[0] != '.')
			good = each(file, entries[i]->d_name, ctx, message);
		free(entries[i]);
	}
	free(entries);
	return good;
}

static bool hash_each(const char *path, const char *name, void *ctx, char *message)
{
	return hash_file(path, name, ctx, message);
}

static bool is_directory(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

json_t *archive_hash(const char *path, char message[BACKUP_MESSAGE_SIZE])
{
	json_t *files = json_object();
	bool good = is_directory(path) ? each_file(path, hash_each, files, message)
	                               : hash_file(path, ".", files, message);
	if (good)
		return files;
	json_decref(files);
	return NULL;
}

bool archive_equal(const json_t *expected, const json_t *found, char message[BACKUP_MESSAGE_SIZE])
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)expected, name, value)
	{
		const json_t *other = json_object_get(found, name);
		if (json_equal(value, other))
			continue;
		snprintf(message, BACKUP_MESSAGE_SIZE,
		         "%s%s differs from its manifest: %lld bytes of %lld, SHA-256 %.16s... "
		         "instead of %.16s...",
		         strcmp(name, ".") == 0 ? "the file" : "the file ",
		         strcmp(name, ".") == 0 ? "" : name,
		         (long long)json_integer_value(json_object_get(other, "bytes")),
		         (long long)json_integer_value(json_object_get(value, "bytes")),
		         other ? json_string_value(json_object_get(other, "sha256")) : "none",
		         json_string_value(json_object_get(value, "sha256")));
		return false;
	}
	if (json_object_size(expected) == json_object_size(found))
		return true;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "there are %zu files, of which its manifest knows %zu", json_object_size(found),
	         json_object_size(expected));
	return false;
}

uint64_t archive_bytes(const json_t *files)
{
	uint64_t total = 0;
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)files, name, value) total +=
		(uint64_t)json_integer_value(json_object_get(value, "bytes"));
	return total;
}

/* --- plain SQL, to its end ----------------------------------------------------------------------
 */

struct reading {
	char line[LINE_KEPT]; /* its beginning */
	size_t length;
	bool ended; /* pg_dump's last words were read, and nothing but blank lines since */
	bool elsewhere;
};

static void read_line(struct reading *reading)
{
	const char *line = reading->line;
	if (strcmp(line, "-- PostgreSQL database dump complete") == 0)
		reading->ended = true;
	else if (*line && strncmp(line, "--", 2) != 0 && strncmp(line, "\\unrestrict", 11) != 0)
		reading->ended = false;
	/* Data cannot begin so: COPY writes its backslashes twice. */
	if (strncmp(line, "\\connect ", 9) == 0 || strncmp(line, "\\c ", 3) == 0)
		reading->elsewhere = true;
}

static void read_block(struct reading *reading, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n') {
			reading->line[reading->length] = '\0';
			read_line(reading);
			reading->length = 0;
		} else if (reading->length + 1 < LINE_KEPT) {
			reading->line[reading->length++] = data[i];
		}
	}
}

static bool judge(const struct reading *reading, int n, const char *path, const char *why,
                  char *message)
{
	if (n < 0)
		snprintf(message, BACKUP_MESSAGE_SIZE, "%s is damaged: %s", path, why);
	else if (!reading->ended)
		snprintf(message, BACKUP_MESSAGE_SIZE,
		         "%s is cut short: it does not end as a dump of one database ends", path);
	else if (reading->elsewhere)
		snprintf(message, BACKUP_MESSAGE_SIZE,
		         "%s connects to other databases (pg_dumpall, or pg_dump --create); a "
		         "restore takes the dump of one database without --create",
		         path);
	else
		return true;
	return false;
}

bool archive_read_through(const char *path, char message[BACKUP_MESSAGE_SIZE])
{
	struct reading reading = {.length = 0};
	char *block = malloc(BLOCK);
	gzFile file = block ? gzopen(path, "rbe") : NULL;
	int n = -1, code = Z_OK;
	if (!file) {
		free(block);
		return fail(message, "open", path);
	}
	while (!interrupt_came() && (n = gzread(file, block, BLOCK)) > 0)
		read_block(&reading, block, (size_t)n);
	const char *why = gzerror(file, &code);
	/* A stream that is cut short reads as its end, with this error. */
	bool good = judge(&reading, n < 0 || code == Z_BUF_ERROR ? -1 : 0, path, why, message);
	if (interrupt_came()) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "interrupted");
		good = false;
	}
	gzclose(file);
	free(block);
	return good;
}

/* --- on disk ------------------------------------------------------------------------------------
 */

static bool sync_file(const char *path, char *message)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	if (!good)
		(void)fail(message, "write", path);
	if (fd >= 0)
		close(fd);
	return good;
}

static bool sync_each(const char *path, const char *name, void *ctx, char *message)
{
	(void)name;
	(void)ctx;
	return sync_file(path, message);
}

bool archive_sync(const char *path, char message[BACKUP_MESSAGE_SIZE])
{
	return (!is_directory(path) || each_file(path, sync_each, NULL, message)) &&
	       sync_file(path, message);
}

static bool remove_each(const char *path, const char *name, void *ctx, char *message)
{
	(void)name;
	(void)ctx;
	(void)message;
	/* Directories are of partial.c, and empty. */
	return unlink(path) == 0 || errno == ENOENT || rmdir(path) == 0;
}

void archive_remove(const char *path)
{
	char message[BACKUP_MESSAGE_SIZE];
	if (!is_directory(path)) {
		unlink(path);
		return;
	}
	(void)!each_file(path, remove_each, NULL, message);
	rmdir(path);
}

void archive_sync_parent(const char *path)
{
	char parent[BACKUP_PATH_SIZE], message[BACKUP_MESSAGE_SIZE];
	snprintf(parent, sizeof parent, "%s", path);
	char *slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	(void)!sync_file(slash ? parent : ".", message);
}
