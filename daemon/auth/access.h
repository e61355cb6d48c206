/* access - the caller's side of every tenant statement: who asks, with which rank, and what the
 * gate answered.
 *
 * A statement's first four parameters are organization_id, actor, minimum_rank and system; the CTE
 * `caller` of db/queries/caller.sql decides inside the statement, so there is no check before the
 * act. */
#pragma once
#include "daemon/rpc/rpc.h"
#include "db/rows.h"
#include "db/types.h"

struct access {
	int64_t organization_id;
	const struct uuid *actor; /* NULL: none */
	int32_t minimum_rank;     /* enum role, from the method's option */
	bool system;              /* from a verified key's scope, from nothing else */
};

/* For the parameters of a statement: `STORY_GET_BY_ID_PARAMS(ACCESS(access), .id = request->id)`.
 */
#define ACCESS(access)                                                        \
	.organization_id = (access).organization_id, .actor = (access).actor, \
	.minimum_rank = (access).minimum_rank, .system = (access).system

/* For statements outside of any organization: `USER_GET_PARAMS(ACTING(call), ...)`. */
#define ACTING(call) .actor = (call)->actor, .system = access_is_system(call)

/* Whether the key has the scope `system`. */
bool access_is_system(const struct call *call);

/* NOT_FOUND when the key is bound to another organization. */
MUST_CHECK
enum status access_begin(struct call *call, int64_t organization_id, struct access *out);

/* What the gate said: NOT_FOUND when the actor has no part in the organization (`rows` is empty),
 * PERMISSION_DENIED when their rank (column 0 of the first row) is below what the method needs. */
MUST_CHECK
enum status access_granted(struct call *call, const struct access *access, const struct rows *rows);
