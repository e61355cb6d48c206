/* identity - who calls, as auth/ found out from a verified credential. Plain data, copied by value.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum scope {
	SCOPE_SYSTEM = 1,      /* no actor needed; rank owner everywhere; recorded as a service */
	SCOPE_ACT_AS_USER = 2, /* may name an actor and gets that user's rank */
	SCOPE_READ_ONLY = 4,   /* only methods without side effects */
	SCOPE_METRICS = 8,     /* may read metrics */
};

struct identity {
	int64_t key_id, principal_id;
	int64_t organization_id; /* the only organization that the key may touch; 0: any */
	uint32_t scopes;         /* enum scope bits; 0: nobody */
};
