#include "daemon/auth/access.h"

#include "daemon/rpc/detail.h"

bool access_is_system(const struct call *call)
{
	return (call->identity.scopes & SCOPE_SYSTEM) != 0;
}

enum status access_begin(struct call *call, int64_t organization_id, struct access *out)
{
	const struct identity *identity = &call->identity;
	if (identity->organization_id != 0 && identity->organization_id != organization_id)
		return call_fail_for(call, REASON_ORGANIZATION_NOT_FOUND,
		                     "organization %lld: not found", (long long)organization_id);
	*out = (struct access){
		.organization_id = organization_id,
		.actor = call->actor,
		.minimum_rank = (int32_t)call->method->role,
		.system = access_is_system(call),
	};
	return STATUS_OK;
}

static const char *role_name(int64_t rank)
{
	static const char *const names[] = {"none", "viewer", "member", "admin", "owner"};
	return rank >= 0 && rank <= ROLE_OWNER ? names[rank] : "none";
}

enum status access_granted(struct call *call, const struct access *access, const struct rows *rows)
{
	if (rows->count == 0)
		return call_fail_for(call, REASON_ORGANIZATION_NOT_FOUND,
		                     "organization %lld: not found",
		                     (long long)access->organization_id);
	int64_t rank = rows_null(rows, 0, 0) ? 0 : rows_int(rows, 0, 0);
	if (rank < access->minimum_rank)
		return call_fail_for(call, REASON_ROLE_TOO_LOW,
		                     "%s needs the role %s; the actor's is %s", call->method->name,
		                     role_name(access->minimum_rank), role_name(rank));
	return STATUS_OK;
}
