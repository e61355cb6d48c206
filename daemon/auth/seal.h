/* seal - what a caller carries for us and must neither read nor change, such as the place where a
 * page of a list ended: XChaCha20-Poly1305, keyed by the keyring.
 *
 * The text is base64url without padding of key id, nonce and ciphertext. Source:
 * https://doc.libsodium.org/secret-key_cryptography/aead/chacha20-poly1305/xchacha20-poly1305_construction
 * Thread: the worker's. */
#pragma once
#include "daemon/auth/auth.h"
#include "db/keys/keyring.h"

enum { SEAL_DATA_MAX = 128 };

/* The sealed form of `data` (up to SEAL_DATA_MAX bytes), in the arena; it opens only together with
 * the same `context`. NULL: the arena is full. */
MUST_CHECK
const char *seal_make(struct call *call, enum keyring_purpose purpose, struct bytes context,
                      struct bytes data);

/* Opens it into `data`; false if it is not one of ours, of this purpose and context. */
MUST_CHECK
bool seal_open(const struct call *call, enum keyring_purpose purpose, struct bytes context,
               const char *sealed, uint8_t data[SEAL_DATA_MAX], size_t *len);
