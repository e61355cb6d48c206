/* keyring_file - the text form of a keyring, read from and written to the state directory. Private
 * to keys/. */
#pragma once
#include "db/keys/keyring.h"

struct keyring_key {
	uint32_t id;
	uint8_t root[KEYRING_KEY_SIZE];
};

/* The active key first. Lives in memory from sodium_malloc. */
struct keyring {
	size_t count;
	struct keyring_key keys[KEYRING_KEYS_MAX];
};

enum keyring_read { KEYRING_READ, KEYRING_ABSENT, KEYRING_UNFIT };

/* UNFIT comes with a message. */
MUST_CHECK
enum keyring_read keyring_file_read(const char *state_dir, struct keyring *keyring,
                                    char message[KEYRING_MESSAGE_SIZE]);

/* `replace` false: a file that came to be meanwhile stays, and *existed says so. */
MUST_CHECK
bool keyring_file_write(const char *state_dir, const struct keyring *keyring, bool replace,
                        bool *existed, char message[KEYRING_MESSAGE_SIZE]);
