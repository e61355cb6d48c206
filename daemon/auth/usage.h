/* usage - notes in PostgreSQL that a key was used (service_keys.last_used_at). Private to auth/.
 *
 * Nobody waits for a note, and none fails a call. Owns: its notes under way. Lifetime: as auth's;
 * none is left when the pool is closed. Thread: its worker's. Errors: a note that fails is lost;
 * the next look-up of the key makes another. */
#pragma once
#include "db/pool.h"

enum { USAGE_NOTES_MAX = 64 }; /* at once, for a worker; what comes above is not noted */

struct usage {
	struct pool *pool;
	uint32_t notes;
};

/* The key was used now. */
void usage_note(struct usage *usage, int64_t key_id);
