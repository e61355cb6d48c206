#include "daemon/auth/seal.h"

#include "daemon/auth/credential.h"

#include <assert.h>
#include <sodium.h>

enum {
	NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	HEAD_SIZE = sizeof(uint32_t) + NONCE_SIZE,
	SEALED_MAX = HEAD_SIZE + SEAL_DATA_MAX + TAG_SIZE,
	VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

static_assert(KEYRING_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one key");

static void put_id(uint8_t *at, uint32_t id)
{
	for (unsigned i = 0; i < sizeof(id); i++)
		at[i] = (uint8_t)(id >> 8 * i);
}

const char *seal_make(struct call *call, enum keyring_purpose purpose, struct bytes context,
                      struct bytes data)
{
	assert(data.len <= SEAL_DATA_MAX);
	const struct keyring *keyring = auth_keyring(call->rpc->auth);
	uint8_t sealed[SEALED_MAX], key[KEYRING_KEY_SIZE];
	put_id(sealed, keyring_key_id(keyring, 0));
	randombytes_buf(sealed + sizeof(uint32_t), NONCE_SIZE);
	keyring_derive(keyring, 0, purpose, key);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + HEAD_SIZE, NULL, data.data, data.len,
	                                           context.data, context.len, NULL,
	                                           sealed + sizeof(uint32_t), key);
	sodium_memzero(key, sizeof(key));
	size_t len = HEAD_SIZE + data.len + TAG_SIZE;
	size_t text_len = sodium_base64_ENCODED_LEN(len, VARIANT);
	char *text = arena_alloc(&call->arena, text_len);
	return text ? sodium_bin2base64(text, text_len, sealed, len, VARIANT) : NULL;
}

/* The position of the key that made it; the count of keys: none of ours did. */
static size_t find_key(const struct keyring *keyring, const uint8_t *sealed)
{
	uint8_t id[sizeof(uint32_t)];
	size_t count = keyring_count(keyring), position = 0;
	for (; position < count; position++) {
		put_id(id, keyring_key_id(keyring, position));
		if (memcmp(id, sealed, sizeof(id)) == 0)
			break;
	}
	return position;
}

bool seal_open(const struct call *call, enum keyring_purpose purpose, struct bytes context,
               const char *text, uint8_t data[SEAL_DATA_MAX], size_t *out)
{
	const struct keyring *keyring = auth_keyring(call->rpc->auth);
	uint8_t sealed[SEALED_MAX], key[KEYRING_KEY_SIZE];
	size_t len;
	if (sodium_base642bin(sealed, sizeof(sealed), text, strlen(text), NULL, &len, NULL,
	                      VARIANT) != 0 ||
	    len < HEAD_SIZE + TAG_SIZE)
		return false;
	size_t position = find_key(keyring, sealed);
	if (position == keyring_count(keyring))
		return false;
	keyring_derive(keyring, position, purpose, key);
	unsigned long long opened;
	int result = crypto_aead_xchacha20poly1305_ietf_decrypt(
		data, &opened, NULL, sealed + HEAD_SIZE, len - HEAD_SIZE, context.data, context.len,
		sealed + sizeof(uint32_t), key);
	sodium_memzero(key, sizeof(key));
	*out = (size_t)opened;
	return result == 0;
}
