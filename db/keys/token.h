/* token - the credentials that PRISM issues: `prk_`, 43 base62 characters of randomness, 6 of
 * CRC32.
 *
 * Prefix and checksum let a scanner or a log filter find one, and a typo be refused without I/O.
 * Stored only as keyring_token_hash() makes it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum token_kind {
	TOKEN_SERVICE_KEY, /* prk_ */
	TOKEN_SESSION,     /* prs_ */
	TOKEN_REFRESH,     /* prr_ */
};

enum { TOKEN_LENGTH = 53, TOKEN_SIZE = TOKEN_LENGTH + 1 };

/* A new one, from 32 random bytes. The caller wipes it. */
void token_make(enum token_kind kind, char token[TOKEN_SIZE]);

/* Whether `text` is a well-formed token of that kind: prefix, length, alphabet, checksum. Says
 * nothing about whether anybody knows it. */
bool token_valid(enum token_kind kind, const char *text);
