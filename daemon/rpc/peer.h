/* peer - who is at the other end of a connection, as far as a call needs to know.
 *
 * Owns: the token's copy. Lifetime: the connection's; calls that outlive it see call->peer == NULL.
 * `identity` and its companions belong to auth/, which resolves the token once per connection. */
#pragma once
#include "daemon/rpc/identity.h"
#include "proto/bytes.h"

struct peer {
	char address[64];      /* "127.0.0.1:53412", "unix" */
	const char *transport; /* "native", "grpc", "json": static */
	char *token;           /* HELLO.token, NUL-terminated, heap; NULL: none */
	char *bearer; /* without a token: the last key that came with a call, heap; or NULL */
	struct identity identity;   /* of `token`, or else of `bearer` */
	uint64_t identity_until_ns; /* `identity` holds until then; 0: not known */
};
