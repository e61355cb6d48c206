/* service_key - the keys of the services that call: made, listed, revoked in the database.
 *
 * Blocking, for prism-db and start-up; the daemon recognises keys by its own statement. A principal
 * (the service) is made with its first key and may have several. Scopes: system, act-as-user,
 * read-only, metrics. Errors: a message for people. */
#pragma once
#include "db/keys/keyring.h"
#include "db/keys/token.h"
#include "db/startup/connect.h"

enum {
	SERVICE_KEY_NAME_MAX = 100,  /* characters */
	SERVICE_KEY_SCOPES_MAX = 4,  /* each once */
	SERVICE_KEY_DAYS_MAX = 3650, /* of --expires */
};

struct service_key_spec {
	const char *name; /* of the principal */
	const char *scopes[SERVICE_KEY_SCOPES_MAX];
	size_t scope_count;
	int64_t organization_id; /* 0: any */
	uint32_t expires_days;   /* 0: never */
	const char *label;       /* "" or what tells it from its principal's others */
};

/* Whether `name` is a scope. */
MUST_CHECK
bool service_key_scope_known(const char *name);
extern const char service_key_scopes[]; /* "system, act-as-user, ..." for messages */

/* False, with a message, when the database has no table of keys yet. */
MUST_CHECK
bool service_keys_exist(PGconn *connection, char *message, size_t message_size);

struct service_key_made {
	int64_t id, principal_id;
	char token[TOKEN_SIZE]; /* shown once; the caller wipes it */
};

MUST_CHECK
bool service_key_create(PGconn *connection, const struct keyring *keyring,
                        const struct service_key_spec *spec, struct service_key_made *out,
                        char *message, size_t message_size);

/* As texts, in the order of ids; "" for what is not set. */
struct service_key_row {
	const char *id, *name, *scopes, *organization_id, *label, *key_id, *created_at, *expires_at,
		*last_used_at, *revoked_at, *state; /* state: active, expired, revoked */
};

MUST_CHECK
bool service_key_list(PGconn *connection,
                      void (*each)(void *ctx, const struct service_key_row *row), void *ctx,
                      char *message, size_t message_size);

/* *found false: there is no such key. Revoking a revoked one changes nothing. */
MUST_CHECK
bool service_key_revoke(PGconn *connection, int64_t id, bool *found, char *message,
                        size_t message_size);
