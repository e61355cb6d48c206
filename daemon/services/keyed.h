/* keyed - writes that take effect once, however often they are sent: the request_id of a request.
 *
 * The statement itself records what it did under the key (db/queries/write.sql); one that wrote
 * nothing may be a repetition, so the key is looked up before anything is answered. A repetition
 * that waits at a row for the first one, still under way, does not see its key there and may meet
 * the new version as a stale one: such a statement tells what it wrote from what it found (`--
 * wrote:`), and the key is seen by the look-up. Lifetime: the call's. Errors:
 * REQUEST_ID_REUSED for a key that another request was sent with; a violated constraint becomes its
 * reason (constraint.def). */
#pragma once
#include "daemon/auth/digest.h"
#include "daemon/rpc/query.h"

struct keyed {
	int64_t principal_id;
	const struct uuid *actor;      /* NULL: none */
	const struct uuid *request_id; /* NULL: none */
	const struct bytes *hash;      /* of the request; NULL without a request_id */
	const char *method;            /* "CreateStory" */
};

/* For the parameters of a statement: `STORY_CREATE_PARAMS(ACCESS(access), KEYED(keyed), ...)`. */
#define KEYED(keyed)                                                            \
	.principal_id = (keyed).principal_id, .request_id = (keyed).request_id, \
	.method = (keyed).method, .request_hash = (keyed).hash

/* What a repeated request did when it was sent first; in the call's arena. */
struct keyed_effect {
	bool repeated;
	int64_t *ids;
	struct uuid *uuids;
	size_t count; /* of ids, or of uuids */
	int64_t fact, version;
};

/* `request_id` is the request's field of that name: a UUID or "". */
MUST_CHECK
SUSPENDS
enum status keyed_begin(struct call *call, const ProtobufCMessage *request, const char *request_id,
                        struct keyed *out);

/* For writes that are idempotent by themselves. */
void keyed_without(struct call *call, struct keyed *out);

/* Runs the write. OK: `rows` say what happened, or effect->repeated: it had happened before, and
 * `rows` say nothing. */
MUST_CHECK
SUSPENDS
enum status keyed_write(struct call *call, const struct keyed *keyed, const struct write *write,
                        struct rows *rows, struct keyed_effect *effect);

enum { KEYED_ATTEMPTS = 5 };

/* The same for a write that makes what it does not find: when somebody else has made it meanwhile,
 * which is refused for `taken`, it looks again, up to KEYED_ATTEMPTS times. */
MUST_CHECK
SUSPENDS
enum status keyed_write_anew(struct call *call, const struct keyed *keyed,
                             const struct write *write, enum reason taken, struct rows *rows,
                             struct keyed_effect *effect);
