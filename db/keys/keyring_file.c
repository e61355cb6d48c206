#include "db/keys/keyring_file.h"
#include "db/startup/state_dir.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	LINE_SIZE = 128,
	TEXT_SIZE = LINE_SIZE * (KEYRING_KEYS_MAX + 8),
	KEY_ID_MAX = 65535, /* two bytes in what is sealed */
};

static const char header[] =
	"# PRISM's keyring. Whoever has it can forge what PRISM recognises; without it, service "
	"keys\n"
	"# and sealed values are lost: keep a copy apart from the database's backups.\n";

struct parser {
	const char *path;
	unsigned line;
	struct keyring *keyring;
	char *message;
};

static bool refuse(const struct parser *parser, const char *why)
{
	snprintf(parser->message, KEYRING_MESSAGE_SIZE,
	         "%.200s:%u: %s; restore the file from its copy, or move it away to start a new "
	         "keyring "
	         "(then every service key has to be made anew)",
	         parser->path, parser->line, why);
	return false;
}

static bool parse_id(const char *text, uint32_t *id, const char **rest)
{
	uint32_t value = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9' && value <= KEY_ID_MAX; at++)
		value = value * 10 + (uint32_t)(*at - '0');
	if (at == text || *at != ':' || value == 0 || value > KEY_ID_MAX)
		return false;
	*id = value;
	*rest = at + 1;
	return true;
}

static bool known_id(const struct keyring *keyring, uint32_t id)
{
	for (size_t i = 0; i < keyring->count; i++)
		if (keyring->keys[i].id == id)
			return true;
	return false;
}

static bool parse_key(struct parser *parser, const char *line)
{
	struct keyring *keyring = parser->keyring;
	if (keyring->count == KEYRING_KEYS_MAX)
		return refuse(parser, "more than 64 keys");
	struct keyring_key *key = &keyring->keys[keyring->count];
	const char *rest, *role = keyring->count == 0 ? "active:" : "old:";
	if (!parse_id(line, &key->id, &rest))
		return refuse(parser, "a line is `id:active:base64` or `id:old:base64`, with an id "
		                      "of 1 to 65535");
	if (known_id(keyring, key->id))
		return refuse(parser, "this id is there twice");
	if (strncmp(rest, role, strlen(role)) != 0)
		return refuse(parser, "the first key has to be `active`, the others `old`");
	rest += strlen(role);
	size_t size = 0;
	const char *end = NULL;
	if (sodium_base642bin(key->root, sizeof(key->root), rest, strlen(rest), NULL, &size, &end,
	                      sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    size != sizeof(key->root) || *end != '\0')
		return refuse(parser, "the key is no base64 of 32 bytes");
	keyring->count++;
	return true;
}

static bool parse(struct parser *parser, char *text)
{
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n"))) {
		parser->line++;
		if (*line == '\0' || *line == '#')
			continue;
		if (!parse_key(parser, line))
			return false;
	}
	return parser->keyring->count > 0 || refuse(parser, "there is no key in it");
}

static bool read_text(int file, char *text, size_t size)
{
	size_t length = 0;
	while (length < size) {
		ssize_t got = read(file, text + length, size - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			text[length] = '\0';
			return got == 0;
		}
		length += (size_t)got;
	}
	errno = EFBIG;
	return false;
}

static enum keyring_read read_opened(const char *path, int file, struct keyring *keyring,
                                     char message[KEYRING_MESSAGE_SIZE])
{
	char *text = sodium_malloc(TEXT_SIZE);
	if (!text) {
		snprintf(message, KEYRING_MESSAGE_SIZE, "out of memory for the keyring");
		return KEYRING_UNFIT;
	}
	keyring->count = 0;
	struct parser parser = {.path = path, .keyring = keyring, .message = message};
	bool fit = read_text(file, text, TEXT_SIZE);
	if (!fit)
		snprintf(message, KEYRING_MESSAGE_SIZE, "cannot read %.200s: %s", path,
		         strerror(errno));
	else
		fit = parse(&parser, text);
	sodium_free(text);
	return fit ? KEYRING_READ : KEYRING_UNFIT;
}

enum keyring_read keyring_file_read(const char *state_dir, struct keyring *keyring,
                                    char message[KEYRING_MESSAGE_SIZE])
{
	char path[STATE_PATH_SIZE];
	if (!state_path(path, state_dir, "keyring", message, KEYRING_MESSAGE_SIZE))
		return KEYRING_UNFIT;
	int file = state_secret_open(path, message, KEYRING_MESSAGE_SIZE);
	if (file < 0)
		return errno == ENOENT ? KEYRING_ABSENT : KEYRING_UNFIT;
	enum keyring_read outcome = read_opened(path, file, keyring, message);
	close(file);
	return outcome;
}

static size_t format(const struct keyring *keyring, char *text)
{
	size_t at = sizeof(header) - 1;
	memcpy(text, header, at);
	for (size_t i = 0; i < keyring->count; i++) {
		const struct keyring_key *key = &keyring->keys[i];
		at += (size_t)snprintf(text + at, LINE_SIZE, "%" PRIu32 ":%s:", key->id,
		                       i == 0 ? "active" : "old");
		sodium_bin2base64(text + at, LINE_SIZE, key->root, sizeof(key->root),
		                  sodium_base64_VARIANT_ORIGINAL);
		at += strlen(text + at);
		text[at++] = '\n';
	}
	return at;
}

bool keyring_file_write(const char *state_dir, const struct keyring *keyring, bool replace,
                        bool *existed, char message[KEYRING_MESSAGE_SIZE])
{
	char *text = sodium_malloc(TEXT_SIZE);
	if (!text) {
		snprintf(message, KEYRING_MESSAGE_SIZE, "out of memory for the keyring");
		return false;
	}
	size_t size = format(keyring, text);
	bool written = state_file_write(state_dir, "keyring", text, size, replace, existed, message,
	                                KEYRING_MESSAGE_SIZE);
	sodium_free(text);
	return written;
}
