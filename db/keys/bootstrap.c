#include "db/keys/bootstrap.h"
#include "db/keys/service_key.h"
#include "db/startup/state_dir.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LABEL_SIZE = 256, PATH_TAIL = 180 };

enum found { FOUND, ABSENT, UNFIT };

static enum found read_token(const char *path, char token[TOKEN_SIZE],
                             char message[KEYRING_MESSAGE_SIZE])
{
	int file = state_secret_open(path, message, KEYRING_MESSAGE_SIZE);
	if (file < 0)
		return errno == ENOENT ? ABSENT : UNFIT;
	char text[TOKEN_SIZE + 1];
	ssize_t length = read(file, text, sizeof(text));
	close(file);
	bool whole = length == TOKEN_LENGTH ||
	             (length == TOKEN_LENGTH + 1 && text[TOKEN_LENGTH] == '\n');
	if (whole)
		text[TOKEN_LENGTH] = '\0';
	bool valid = whole && token_valid(TOKEN_SERVICE_KEY, text);
	if (valid)
		memcpy(token, text, TOKEN_SIZE);
	else
		snprintf(message, KEYRING_MESSAGE_SIZE,
		         "%.300s holds no service key: remove it, and the next start makes a new "
		         "one",
		         path);
	sodium_memzero(text, sizeof(text));
	return valid ? FOUND : UNFIT;
}

/* Two daemons that share the directory and start at once: one file wins, both use that. */
static bool make_token(const char *state_dir, const char *path, char token[TOKEN_SIZE],
                       char message[KEYRING_MESSAGE_SIZE])
{
	char text[TOKEN_SIZE + 1];
	bool existed;
	token_make(TOKEN_SERVICE_KEY, text);
	text[TOKEN_LENGTH] = '\n';
	bool written = state_file_write(state_dir, "bootstrap.key", text, TOKEN_LENGTH + 1, false,
	                                &existed, message, KEYRING_MESSAGE_SIZE);
	sodium_memzero(text, sizeof(text));
	return written && read_token(path, token, message) == FOUND;
}

static bool get_token(const char *state_dir, char token[TOKEN_SIZE],
                      char message[KEYRING_MESSAGE_SIZE])
{
	char path[STATE_PATH_SIZE];
	if (!state_path(path, state_dir, "bootstrap.key", message, KEYRING_MESSAGE_SIZE))
		return false;
	switch (read_token(path, token, message)) {
	case FOUND:
		return true;
	case ABSENT:
		return make_token(state_dir, path, token, message);
	case UNFIT:
		return false;
	}
	return false;
}

static bool is_recorded(PGconn *connection, const struct keyring *keyring, const char *token,
                        bool *recorded, char message[KEYRING_MESSAGE_SIZE])
{
	char hash[KEYRING_HASH_TEXT_SIZE];
	const char *values[] = {hash};
	*recorded = false;
	for (size_t i = 0; i < keyring_count(keyring) && !*recorded; i++) {
		keyring_token_hash_text(keyring, i, token, hash);
		DB_RESULT result = db_run(connection, "look for the bootstrap key",
		                          "SELECT FROM service_keys WHERE token_hash = $1", 1,
		                          values, message, KEYRING_MESSAGE_SIZE);
		if (!result)
			return false;
		*recorded = PQntuples(result) == 1;
	}
	return true;
}

/* Daemons on other machines that share the database have bootstrap keys of their own. */
static void write_label(char out[LABEL_SIZE], const char *state_dir)
{
	char host[65] = "";
	char *path = realpath(state_dir, NULL);
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	const char *whole = path ? path : state_dir;
	size_t length = strlen(whole);
	snprintf(out, LABEL_SIZE, "%s:%s", host,
	         length > PATH_TAIL ? whole + length - PATH_TAIL : whole);
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	free(path);
}

static bool record(PGconn *connection, const struct keyring *keyring, const char *token,
                   const char *state_dir, char message[KEYRING_MESSAGE_SIZE])
{
	static const char sql[] =
		"WITH former AS (UPDATE service_keys SET revoked_at = now()"
		"  WHERE principal_id = 1 AND label = $1 AND revoked_at IS NULL)"
		" INSERT INTO service_keys (principal_id, token_hash, key_id, scopes, label)"
		" VALUES (1, $2, $3, '{system}', $1) ON CONFLICT (token_hash) DO NOTHING";
	char label[LABEL_SIZE], hash[KEYRING_HASH_TEXT_SIZE], key_id[16];
	write_label(label, state_dir);
	keyring_token_hash_text(keyring, 0, token, hash);
	snprintf(key_id, sizeof(key_id), "%" PRIu32, keyring_key_id(keyring, 0));
	const char *values[] = {label, hash, key_id};
	DB_RESULT result = db_run(connection, "record the bootstrap key", sql, 3, values, message,
	                          KEYRING_MESSAGE_SIZE);
	return result != NULL;
}

bool bootstrap_key(const char *conninfo, const struct keyring *keyring, const char *state_dir,
                   char message[KEYRING_MESSAGE_SIZE])
{
	char token[TOKEN_SIZE];
	bool recorded = false;
	DB_CONNECTION connection =
		db_connect(conninfo, "prismd start", message, KEYRING_MESSAGE_SIZE);
	if (!connection || !service_keys_exist(connection, message, KEYRING_MESSAGE_SIZE) ||
	    !get_token(state_dir, token, message))
		return false;
	bool done = is_recorded(connection, keyring, token, &recorded, message) &&
	            (recorded || record(connection, keyring, token, state_dir, message));
	sodium_memzero(token, sizeof(token));
	return done;
}
