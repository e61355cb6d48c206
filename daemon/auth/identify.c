/* The interceptor that turns a credential into an identity, and an `x-prism-actor` into an actor.
 */
#include "daemon/auth/credential.h"
#include "daemon/rpc/detail.h"
#include "db/types.h"

#include <sodium.h>
#include <stdlib.h>

struct claims {
	struct bytes bearer; /* of `authorization: Bearer ...` */
	struct bytes actor;
	bool has_authorization, has_actor;
};

static bool key_is(struct bytes key, const char *name, size_t len)
{
	return key.len == len && memcmp(key.data, name, len) == 0;
}
#define KEY_IS(key, literal) key_is((key), (literal), sizeof(literal) - 1)

static bool bearer_of(struct bytes value, struct bytes *token)
{
	static const char scheme[] = "bearer ";
	if (value.len < sizeof(scheme) - 1)
		return false;
	for (size_t i = 0; i < sizeof(scheme) - 1; i++) {
		if ((value.data[i] | 0x20) != (scheme[i] | 0x20))
			return false;
	}
	*token = bytes_of(value.data + sizeof(scheme) - 1, value.len - (sizeof(scheme) - 1));
	return true;
}

static enum status claims_read(struct call *call, struct claims *claims)
{
	struct metadata_walk walk = {reader_init(call->metadata), METADATA_IN_CALL};
	struct metadata entry;
	while (metadata_next(&walk, &entry)) {
		if (KEY_IS(entry.key, "x-prism-actor")) {
			if (claims->has_actor)
				return call_fail_for(
					call, REASON_ACTOR_INVALID,
					"x-prism-actor was given twice; one actor is allowed");
			claims->has_actor = true;
			claims->actor = entry.value;
		} else if (KEY_IS(entry.key, "authorization")) {
			if (claims->has_authorization || !bearer_of(entry.value, &claims->bearer))
				return call_fail_for(call, REASON_KEY_INVALID,
				                     "authorization must be given once, as `Bearer "
				                     "<service key>`");
			claims->has_authorization = true;
		}
	}
	return STATUS_OK;
}

static enum status actor_set(struct call *call, const struct claims *claims)
{
	if (!claims->has_actor)
		return STATUS_OK;
	char text[UUID_TEXT_SIZE];
	struct uuid actor;
	if (claims->actor.len == UUID_TEXT_SIZE - 1) {
		memcpy(text, claims->actor.data, UUID_TEXT_SIZE - 1);
		text[UUID_TEXT_SIZE - 1] = '\0';
	}
	if (claims->actor.len != UUID_TEXT_SIZE - 1 || !uuid_parse(text, &actor))
		return call_fail_for(call, REASON_ACTOR_INVALID,
		                     "x-prism-actor is not a UUID (8-4-4-4-12 hexadecimal digits)");
	call->actor = arena_copy(&call->arena, &actor, sizeof(actor));
	return call->actor ? STATUS_OK : call_no_memory(call);
}

/* The key is good: is it good for this method, and is there an actor where one is needed? */
static enum status admit(struct call *call)
{
	const struct method *method = call->method;
	uint32_t scopes = call->identity.scopes;
	if ((scopes & SCOPE_READ_ONLY) && method->idempotency != NO_SIDE_EFFECTS)
		return call_fail_for(call, REASON_SCOPE_TOO_LOW,
		                     "this key is read-only: %s changes something", method->name);
	if (scopes & SCOPE_SYSTEM)
		return STATUS_OK;
	if (method->role == ROLE_SYSTEM)
		return call_fail_for(call, REASON_SCOPE_TOO_LOW,
		                     "%s needs a key with the scope system", method->name);
	if (!(scopes & (SCOPE_ACT_AS_USER | SCOPE_READ_ONLY)))
		return call_fail_for(
			call, REASON_SCOPE_TOO_LOW,
			"this key may not act for users: %s needs the scope act-as-user%s",
			method->name,
			method->idempotency == NO_SIDE_EFFECTS ? " or read-only" : "");
	if (!call->actor)
		return call_fail_for(call, REASON_ACTOR_MISSING,
		                     "no actor: name the user in x-prism-actor (UUID)");
	return STATUS_OK;
}

static enum status settle(struct call *call, const struct credential_answer *answer)
{
	if (answer->status == STATUS_UNAUTHENTICATED)
		return call_fail_for(call, REASON_KEY_INVALID, "%s", answer->reason);
	if (answer->status != STATUS_OK)
		return call_fail_outcome(call, answer->status, OUTCOME_NOT_EXECUTED, "%s",
		                         answer->reason);
	call->identity = answer->identity;
	return admit(call);
}

/* The connection's own key, remembered in its peer for as long as the answer holds. */
static void peer_remember(struct peer *peer, const struct credential_answer *answer)
{
	if (answer->status != STATUS_OK)
		return;
	peer->identity = answer->identity;
	peer->identity_until_ns = answer->until_ns;
}

/* Who brings a key with each call mostly brings the same: it is not looked up each time. */
static void bearer_remember(struct peer *peer, struct bytes bearer,
                            const struct credential_answer *answer)
{
	if (!peer || peer->token || answer->status != STATUS_OK)
		return;
	free(peer->bearer);
	peer->bearer = strndup((const char *)bearer.data, bearer.len);
	peer_remember(peer, answer);
}

static bool bearer_is_known(const struct call *call, struct bytes bearer)
{
	const struct peer *peer = call->peer;
	return peer && peer->bearer && call->rpc->now_ns < peer->identity_until_ns &&
	       strlen(peer->bearer) == bearer.len &&
	       sodium_memcmp(peer->bearer, bearer.data, bearer.len) == 0;
}

static void resolved_bearer(struct call *call, const struct credential_answer *answer)
{
	struct claims claims = {0};
	if (claims_read(call, &claims) == STATUS_OK)
		bearer_remember(call->peer, claims.bearer, answer);
	rpc_proceed(call, settle(call, answer));
}

static void resolved_peer(struct call *call, const struct credential_answer *answer)
{
	if (call->peer)
		peer_remember(call->peer, answer);
	rpc_proceed(call, settle(call, answer));
}

static enum verdict verdict_of(enum status status)
{
	return status == STATUS_OK ? VERDICT_PROCEED : VERDICT_REFUSE;
}

static enum verdict identify_peer(struct call *call)
{
	struct peer *peer = call->peer;
	if (!peer || !peer->token)
		return verdict_of(
			call_fail_for(call, REASON_KEY_MISSING,
		                      "no credential: send a service key in HELLO.token or "
		                      "as `authorization: Bearer`"));
	if (call->rpc->now_ns < peer->identity_until_ns) {
		call->identity = peer->identity;
		return verdict_of(admit(call));
	}
	struct credential_answer answer;
	if (!credential_resolve(call->rpc->auth, call, peer->token, resolved_peer, &answer))
		return VERDICT_PENDING;
	peer_remember(peer, &answer);
	return verdict_of(settle(call, &answer));
}

static enum verdict identify_bearer(struct call *call, struct bytes bearer)
{
	struct credential_answer answer;
	if (bearer_is_known(call, bearer)) {
		call->identity = call->peer->identity;
		return verdict_of(admit(call));
	}
	char *token = arena_string(&call->arena, bearer);
	if (!token)
		return verdict_of(call_no_memory(call));
	if (!credential_resolve(call->rpc->auth, call, token, resolved_bearer, &answer))
		return VERDICT_PENDING;
	bearer_remember(call->peer, bearer, &answer);
	return verdict_of(settle(call, &answer));
}

static enum verdict identify_before(struct call *call)
{
	if (!call->method || call->method->role == ROLE_NONE)
		return VERDICT_PROCEED;
	struct claims claims = {0};
	enum status status = claims_read(call, &claims);
	if (status == STATUS_OK)
		status = actor_set(call, &claims);
	if (status != STATUS_OK)
		return VERDICT_REFUSE;
	if (!claims.has_authorization)
		return identify_peer(call);
	return identify_bearer(call, claims.bearer);
}

const struct interceptor auth_identify = {.name = "identify", .before = identify_before};
