/* auth - finds out who calls: service keys to identities, and the actor that a call names.
 *
 * The credential of a call is its own `authorization: Bearer` metadata, else what its connection's
 * HELLO carried. A key is looked up once in PostgreSQL by its keyed hash, then remembered for a
 * short while; calls that arrive meanwhile wait, bounded. Owns: the cache and the lookups under
 * way. Lifetime: auth_new() .. auth_free(), after the pool was closed. Thread: its worker's; one
 * auth per worker. The keyring is shared and read-only. */
#pragma once
#include "daemon/rpc/rpc.h"

struct keyring;

enum {
	AUTH_CACHE_SLOTS =
		1024,          /* remembered credentials; a new one replaces what shares its slot */
	AUTH_KNOWN_MS = 10000, /* how long a verified key is believed: a revocation takes effect
	                          within this */
	AUTH_REFUSED_MS =
		1000, /* how long a refused one is, so that guessing does not reach PostgreSQL */
};

MUST_CHECK
bool auth_new(struct auth **out, struct pool *pool, const struct keyring *keyring);
void auth_free(struct auth *auth);

const struct keyring *auth_keyring(const struct auth *auth);

/* Refuses a call without a valid credential (UNAUTHENTICATED), without the scope that its method
 * needs (PERMISSION_DENIED), or without an actor where one is needed (UNAUTHENTICATED); sets
 * call->identity and call->actor. Public methods pass. */
extern const struct interceptor auth_identify;
