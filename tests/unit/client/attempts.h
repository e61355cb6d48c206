/* attempts - a call that is sent several times, as a peer sees it. */
#pragma once
#include "tests/unit/client/notes.h"
#include "tests/unit/client/peer.h"

enum { ATTEMPTS_BODY = 256 };

/* What a peer saw of a call, and does to its attempts. */
struct attempts {
	uint8_t body[ATTEMPTS_BODY]; /* of the first */
	size_t len;
	unsigned calls;          /* CALL frames */
	struct end_meta end;     /* how all but the last end, if not by a lost connection */
	struct end_meta at_last; /* the same of the last; OK: with an answer */
	bool lost;               /* the first ends with its connection */
};

/* Within a script: the next CALL is the next attempt, with the same bytes. Its stream. */
uint32_t attempts_expect(struct peer *peer, struct attempts *attempts);

/* NOTE_GET with this idempotency. */
struct prism_method method_with(enum prism_idempotency idempotency);
