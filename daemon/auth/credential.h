/* credential - from a service key to an identity: a cache in front of PostgreSQL. Private to auth/.
 */
#pragma once
#include "daemon/auth/auth.h"
#include "db/keys/keyring.h"

enum { CREDENTIAL_HASH_SIZE = KEYRING_HASH_SIZE };

struct credential_answer {
	enum status status;       /* OK; UNAUTHENTICATED: no such key; else PostgreSQL's trouble */
	const char *reason;       /* static; why not */
	struct identity identity; /* OK */
	uint64_t until_ns;        /* CLOCK_MONOTONIC: how long this answer holds */
};

/* Called with the answer for a call that waited. */
typedef void credential_done(struct call *call, const struct credential_answer *answer);

/* True: *answer is there now. False: done(call, answer) follows, on the loop's stack. */
MUST_CHECK
bool credential_resolve(struct auth *auth, struct call *call, const char *token,
                        credential_done *done, struct credential_answer *answer);
