/* keyring - the secrets of an installation: STATE_DIR/keyring, made at the first start.
 *
 * A text file (0600), a key a line, `id:active:base64` for the newest and `id:old:base64` for the
 * others. A key is a root: what is hashed or sealed uses a key derived from it for one purpose and
 * says by id which root it was. The active one makes new things; old ones only recognise what they
 * made. Several programs that share a database share this file.
 *
 * Owns: the keys, in memory that is locked, guarded, read-only and wiped at the end.
 * Lifetime: keyring_open() .. keyring_close(). Thread: any; read-only once open. sodium_init() is
 * called by whatever needs it first. Errors: a message that names the file and what to do. */
#pragma once
#include "proto/status.h"

#include <stddef.h>

struct keyring;

enum {
	KEYRING_MESSAGE_SIZE = 512,
	KEYRING_KEY_SIZE = 32,
	KEYRING_HASH_SIZE = 32,
	KEYRING_HASH_TEXT_SIZE = 2 + 2 * KEYRING_HASH_SIZE + 1,
	KEYRING_KEYS_MAX = 64,
};

/* What a derived key is for. The numbers are part of what they made: never reused. */
enum keyring_purpose {
	KEYRING_TOKEN_HASH = 1, /* service keys, sessions */
	KEYRING_PAGE_TOKEN = 2, /* cursors of lists */
	KEYRING_CACHE = 3, /* the daemon's own tables, so that nobody outside can aim at a slot */
};

/* Opens STATE_DIR/keyring; makes it, with one key, if there is none. Refuses a file that others may
 * read, that belongs to somebody else, or that is damaged. */
MUST_CHECK
bool keyring_open(struct keyring **out, const char *state_dir, char message[KEYRING_MESSAGE_SIZE]);
void keyring_close(struct keyring *keyring);

/* Keys by position: 0 is the active one, then the newest first. */
size_t keyring_count(const struct keyring *keyring);
uint32_t keyring_key_id(const struct keyring *keyring, size_t position);

void keyring_derive(const struct keyring *keyring, size_t position, enum keyring_purpose purpose,
                    uint8_t key[KEYRING_KEY_SIZE]);

/* What is stored and looked up in place of a token: keyed BLAKE2b by the key at `position`. To
 * recognise a token, try every position; to store one, use 0 and keyring_key_id(keyring, 0). */
void keyring_token_hash(const struct keyring *keyring, size_t position, const char *token,
                        uint8_t hash[KEYRING_HASH_SIZE]);
/* The same as PostgreSQL reads a bytea: `\x` and hexadecimal digits. */
void keyring_token_hash_text(const struct keyring *keyring, size_t position, const char *token,
                             char text[KEYRING_HASH_TEXT_SIZE]);

/* Adds a new active key to the file; the ones before it become old. Programs that are running go on
 * with what they read at their start. */
MUST_CHECK
bool keyring_rotate(const char *state_dir, char message[KEYRING_MESSAGE_SIZE]);
