#include "db/keys/keyring.h"
#include "db/keys/keyring_file.h"
#include "db/startup/state_dir.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert(KEYRING_KEY_SIZE == crypto_kdf_KEYBYTES, "a root key is libsodium's");

static const char kdf_context[crypto_kdf_CONTEXTBYTES + 1] = "prismkey";

static struct keyring *keyring_allocate(char message[KEYRING_MESSAGE_SIZE])
{
	struct keyring *keyring = sodium_init() < 0 ? NULL : sodium_malloc(sizeof(*keyring));
	if (!keyring) {
		snprintf(message, KEYRING_MESSAGE_SIZE, "out of memory for the keyring");
		return NULL;
	}
	keyring->count = 0;
	return keyring;
}

/* The new key comes first; its id is one above all others. */
static void add_key(struct keyring *keyring)
{
	uint32_t highest = 0;
	for (size_t i = 0; i < keyring->count; i++)
		if (keyring->keys[i].id > highest)
			highest = keyring->keys[i].id;
	memmove(&keyring->keys[1], &keyring->keys[0], keyring->count * sizeof(keyring->keys[0]));
	keyring->keys[0].id = highest + 1;
	crypto_kdf_keygen(keyring->keys[0].root);
	keyring->count++;
}

/* Two programs at their first start: one file wins, and both read that one. */
static bool make_file(const char *state_dir, struct keyring *keyring,
                      char message[KEYRING_MESSAGE_SIZE])
{
	bool existed = false;
	keyring->count = 0;
	add_key(keyring);
	if (!state_dir_make(state_dir, message, KEYRING_MESSAGE_SIZE) ||
	    !keyring_file_write(state_dir, keyring, false, &existed, message))
		return false;
	switch (keyring_file_read(state_dir, keyring, message)) {
	case KEYRING_READ:
		return true;
	case KEYRING_ABSENT:
		snprintf(message, KEYRING_MESSAGE_SIZE,
		         "%.200s/keyring was removed while it was opened", state_dir);
		return false;
	case KEYRING_UNFIT:
		return false;
	}
	return false;
}

static bool fill(const char *state_dir, struct keyring *keyring, char message[KEYRING_MESSAGE_SIZE])
{
	switch (keyring_file_read(state_dir, keyring, message)) {
	case KEYRING_READ:
		return true;
	case KEYRING_ABSENT:
		return make_file(state_dir, keyring, message);
	case KEYRING_UNFIT:
		return false;
	}
	return false;
}

bool keyring_open(struct keyring **out, const char *state_dir, char message[KEYRING_MESSAGE_SIZE])
{
	struct keyring *keyring = keyring_allocate(message);
	if (!keyring)
		return false;
	if (!fill(state_dir, keyring, message)) {
		sodium_free(keyring);
		return false;
	}
	int protected = sodium_mprotect_readonly(keyring);
	assert(protected == 0);
	(void)protected;
	*out = keyring;
	return true;
}

void keyring_close(struct keyring *keyring)
{
	sodium_free(keyring);
}

size_t keyring_count(const struct keyring *keyring)
{
	return keyring->count;
}

uint32_t keyring_key_id(const struct keyring *keyring, size_t position)
{
	assert(position < keyring->count);
	return keyring->keys[position].id;
}

void keyring_derive(const struct keyring *keyring, size_t position, enum keyring_purpose purpose,
                    uint8_t key[KEYRING_KEY_SIZE])
{
	assert(position < keyring->count);
	int derived = crypto_kdf_derive_from_key(key, KEYRING_KEY_SIZE, (uint64_t)purpose,
	                                         kdf_context, keyring->keys[position].root);
	assert(derived == 0);
	(void)derived;
}

void keyring_token_hash(const struct keyring *keyring, size_t position, const char *token,
                        uint8_t hash[KEYRING_HASH_SIZE])
{
	uint8_t key[KEYRING_KEY_SIZE];
	keyring_derive(keyring, position, KEYRING_TOKEN_HASH, key);
	int hashed = crypto_generichash(hash, KEYRING_HASH_SIZE, (const uint8_t *)token,
	                                strlen(token), key, sizeof(key));
	assert(hashed == 0);
	(void)hashed;
	sodium_memzero(key, sizeof(key));
}

void keyring_token_hash_text(const struct keyring *keyring, size_t position, const char *token,
                             char text[KEYRING_HASH_TEXT_SIZE])
{
	uint8_t hash[KEYRING_HASH_SIZE];
	keyring_token_hash(keyring, position, token, hash);
	memcpy(text, "\\x", 2);
	sodium_bin2hex(text + 2, KEYRING_HASH_TEXT_SIZE - 2, hash, sizeof(hash));
}

static bool rotate_locked(const char *state_dir, struct keyring *keyring,
                          char message[KEYRING_MESSAGE_SIZE])
{
	bool existed = false;
	if (!fill(state_dir, keyring, message))
		return false;
	if (keyring->count == KEYRING_KEYS_MAX) {
		snprintf(message, KEYRING_MESSAGE_SIZE,
		         "the keyring is full (%d keys): remove the oldest line of %.200s/keyring "
		         "that "
		         "no service key uses any more",
		         KEYRING_KEYS_MAX, state_dir);
		return false;
	}
	add_key(keyring);
	return keyring_file_write(state_dir, keyring, true, &existed, message);
}

bool keyring_rotate(const char *state_dir, char message[KEYRING_MESSAGE_SIZE])
{
	struct keyring *keyring = keyring_allocate(message);
	if (!keyring)
		return false;
	int lock = state_dir_lock(state_dir, message, KEYRING_MESSAGE_SIZE);
	bool rotated = lock >= 0 && rotate_locked(state_dir, keyring, message);
	if (lock >= 0)
		close(lock);
	sodium_free(keyring);
	return rotated;
}
