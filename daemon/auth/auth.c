/* The cache is one array: a keyed hash of the key picks a slot, so nobody outside can aim at one. A
 * lookup under way is in the list `lookups`; later calls with the same key join it. A keyring that
 * was rotated has several hashing keys: they are tried in turn. A look-up also says whether it is
 * time to note the key's use, which is none of the call's business. */
#include "daemon/auth/credential.h"
#include "daemon/auth/usage.h"
#include "db/keys/token.h"
#include "db/pool.h"
#include "db/queries.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

struct slot {
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	struct credential_answer answer;
};

/* In the waiting call's arena. */
struct waiter {
	struct call *call;
	credential_done *done;
	struct waiter *next;
};

struct lookup {
	struct auth *auth;
	struct lookup *next;
	struct waiter *first, *last;
	uint32_t waiting;
	size_t key;                         /* of the keyring: it hashed `tried` */
	uint8_t hash[CREDENTIAL_HASH_SIZE]; /* by the newest key: the cache's */
	uint8_t tried[CREDENTIAL_HASH_SIZE];
	struct param param;
	struct db_request request;
	char token[TOKEN_SIZE];
};

struct auth {
	struct pool *pool;
	const struct keyring *keyring;
	struct usage usage;
	struct lookup *lookups;
	uint32_t lookup_count;
	struct slot slots[AUTH_CACHE_SLOTS];
};

bool auth_new(struct auth **out, struct pool *pool, const struct keyring *keyring)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	if (!auth)
		return false;
	auth->pool = auth->usage.pool = pool;
	auth->keyring = keyring;
	*out = auth;
	return true;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	assert(!auth->lookups && auth->usage.notes == 0);
	free(auth);
}

const struct keyring *auth_keyring(const struct auth *auth)
{
	return auth->keyring;
}

static struct slot *slot_of(struct auth *auth, const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	size_t index = (size_t)hash[0] << 8 | hash[1];
	return &auth->slots[index % AUTH_CACHE_SLOTS];
}

static struct credential_answer refused(const struct rpc *rpc, const char *reason)
{
	return (struct credential_answer){
		.status = STATUS_UNAUTHENTICATED,
		.reason = reason,
		.until_ns = rpc->now_ns + AUTH_REFUSED_MS * UINT64_C(1000000),
	};
}

static int64_t unix_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static struct identity identity_of(const struct rows *rows)
{
	uint32_t scopes = 0;
	scopes |= service_key_by_hash_system(rows, 0) ? SCOPE_SYSTEM : 0;
	scopes |= service_key_by_hash_act_as_user(rows, 0) ? SCOPE_ACT_AS_USER : 0;
	scopes |= service_key_by_hash_read_only(rows, 0) ? SCOPE_READ_ONLY : 0;
	scopes |= service_key_by_hash_metrics(rows, 0) ? SCOPE_METRICS : 0;
	bool bound = !rows_null(rows, 0, SERVICE_KEY_BY_HASH_ORGANIZATION_ID);
	return (struct identity){
		.key_id = service_key_by_hash_id(rows, 0),
		.principal_id = service_key_by_hash_principal_id(rows, 0),
		.organization_id = bound ? service_key_by_hash_organization_id(rows, 0) : 0,
		.scopes = scopes,
	};
}

/* What a key's row says now. */
static struct credential_answer answer_of_row(const struct rpc *rpc, const struct rows *rows)
{
	if (!rows_null(rows, 0, SERVICE_KEY_BY_HASH_REVOKED_AT))
		return refused(rpc, "this service key was revoked");
	uint64_t known_ns = AUTH_KNOWN_MS * UINT64_C(1000000);
	if (!rows_null(rows, 0, SERVICE_KEY_BY_HASH_EXPIRES_AT)) {
		int64_t now_us = unix_now_us(),
			expires_us = service_key_by_hash_expires_at(rows, 0);
		if (expires_us <= now_us)
			return refused(rpc, "this service key has expired");
		uint64_t left_us = (uint64_t)expires_us - (uint64_t)now_us;
		if (left_us < known_ns / 1000)
			known_ns = left_us * 1000;
	}
	return (struct credential_answer){
		.status = STATUS_OK,
		.identity = identity_of(rows),
		.until_ns = rpc->now_ns + known_ns,
	};
}

static void lookup_unlink(struct lookup *lookup)
{
	struct lookup **link = &lookup->auth->lookups;
	while (*link != lookup)
		link = &(*link)->next;
	*link = lookup->next;
	lookup->auth->lookup_count--;
}

/* Tells every waiting call, in the order of arrival, and ends the lookup. */
static void lookup_finish(struct lookup *lookup, const struct credential_answer *answer)
{
	const struct rpc *rpc = lookup->first->call->rpc;
	struct slot *slot = slot_of(lookup->auth, lookup->hash);
	bool keeps = slot->answer.status == STATUS_OK && rpc->now_ns < slot->answer.until_ns &&
	             answer->status != STATUS_OK; /* a good key of somebody else */
	if (answer->until_ns != 0 && !keeps) {
		memcpy(slot->hash, lookup->hash, sizeof(slot->hash));
		slot->answer = *answer;
	}
	lookup_unlink(lookup);
	for (struct waiter *waiter = lookup->first, *next; waiter; waiter = next) {
		next = waiter->next; /* it lives in the call's arena */
		waiter->done(waiter->call, answer);
	}
	sodium_memzero(lookup, sizeof(*lookup));
	free(lookup);
}

static void lookup_ask(struct lookup *lookup);

static void lookup_answered(void *ctx, struct db_answer *found)
{
	struct lookup *lookup = ctx;
	const struct rpc *rpc = lookup->first->call->rpc;
	struct credential_answer answer;
	struct usage *usage = &lookup->auth->usage;
	bool unnoted = false;
	if (found->status != STATUS_OK) {
		answer = (struct credential_answer){
			.status = STATUS_UNAVAILABLE,
			.reason = "the key could not be checked: the database is not available"};
	} else if (found->rows.count > 0) {
		answer = answer_of_row(rpc, &found->rows);
		unnoted = service_key_by_hash_unnoted(&found->rows, 0);
	} else if (++lookup->key < keyring_count(lookup->auth->keyring)) {
		rows_clear(&found->rows);
		lookup_ask(lookup);
		return;
	} else {
		answer = refused(rpc, "this service key is not known");
	}
	rows_clear(&found->rows);
	lookup_finish(lookup, &answer);
	if (answer.status == STATUS_OK && unnoted)
		usage_note(usage, answer.identity.key_id);
}

static void lookup_ask(struct lookup *lookup)
{
	keyring_token_hash(lookup->auth->keyring, lookup->key, lookup->token, lookup->tried);
	lookup->param = (struct param){.type = DB_BYTEA,
	                               .bytes = bytes_of(lookup->tried, sizeof(lookup->tried))};
	lookup->request = (struct db_request){
		.statement = &SERVICE_KEY_BY_HASH,
		.params = {&lookup->param, 1},
		.done = lookup_answered,
		.ctx = lookup,
	};
	pool_submit(lookup->auth->pool, &lookup->request);
}

static struct lookup *lookup_find(struct auth *auth, const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	struct lookup *lookup = auth->lookups;
	while (lookup && memcmp(lookup->hash, hash, CREDENTIAL_HASH_SIZE) != 0)
		lookup = lookup->next;
	return lookup;
}

static struct lookup *lookup_new(struct auth *auth, const char *token,
                                 const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	if (!lookup)
		return NULL;
	lookup->auth = auth;
	memcpy(lookup->hash, hash, CREDENTIAL_HASH_SIZE);
	memcpy(lookup->token, token, strlen(token) + 1);
	lookup->next = auth->lookups;
	auth->lookups = lookup;
	auth->lookup_count++;
	return lookup;
}

static bool lookup_join(struct lookup *lookup, struct call *call, credential_done *done)
{
	struct waiter *waiter = arena_alloc(&call->arena, sizeof(*waiter));
	if (!waiter)
		return false;
	*waiter = (struct waiter){.call = call, .done = done};
	if (lookup->last)
		lookup->last->next = waiter;
	else
		lookup->first = waiter;
	lookup->last = waiter;
	lookup->waiting++;
	return true;
}

static bool exhausted(struct credential_answer *answer, const char *reason)
{
	*answer = (struct credential_answer){.status = STATUS_UNAVAILABLE, .reason = reason};
	return true;
}

/* Joins the lookup of this key, or starts one. */
static bool credential_look_up(struct auth *auth, struct call *call, const char *token,
                               const uint8_t hash[CREDENTIAL_HASH_SIZE], credential_done *done,
                               struct credential_answer *answer)
{
	struct lookup *lookup = lookup_find(auth, hash);
	bool begins = !lookup;
	if (begins && auth->lookup_count == LIMIT_IDENTIFY_LOOKUPS)
		return exhausted(answer, "too many keys are being checked; try again");
	if (begins)
		lookup = lookup_new(auth, token, hash);
	if (!lookup)
		return exhausted(answer, "the key could not be checked: no memory");
	if (lookup->waiting == LIMIT_IDENTIFY_WAITERS)
		return exhausted(answer, "too many calls wait for this key to be checked");
	if (!lookup_join(lookup, call, done)) {
		if (begins) {
			lookup_unlink(lookup);
			free(lookup);
		}
		return exhausted(answer, "the key could not be checked: no memory");
	}
	if (begins)
		lookup_ask(lookup);
	return false;
}

bool credential_resolve(struct auth *auth, struct call *call, const char *token,
                        credential_done *done, struct credential_answer *answer)
{
	if (!token_valid(TOKEN_SERVICE_KEY, token)) {
		*answer = refused(call->rpc, "malformed service key: `prk_` and 49 letters and "
		                             "digits, with their checksum, are expected");
		return true;
	}
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	keyring_token_hash(auth->keyring, 0, token, hash);
	const struct slot *slot = slot_of(auth, hash);
	if (call->rpc->now_ns < slot->answer.until_ns &&
	    sodium_memcmp(slot->hash, hash, sizeof(hash)) == 0) {
		*answer = slot->answer;
		return true;
	}
	return credential_look_up(auth, call, token, hash, done, answer);
}
