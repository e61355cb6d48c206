/* peer - who is at the other end of a connection, as far as a call needs to know.
 *
 * Owns: the token's copy. Lifetime: the connection's; calls that outlive it see call->peer == NULL.
 * `identity` and its companions belong to auth/, which resolves the token once per connection. */
#pragma once
#include "proto/bytes.h"

struct identity;

struct peer {
	char address[64];      /* "127.0.0.1:53412", "unix" */
	const char *transport; /* "native", "grpc", "json": static */
	char *token;           /* HELLO.token, NUL-terminated, heap; NULL: none */
	const struct identity *identity;
	uint64_t identity_until_ns;
	void *identity_wait; /* auth's: calls that wait for the token to be checked */
};
