#include "daemon/services/keyed.h"

#include "daemon/rpc/detail.h"
#include "daemon/services/constraint.h"
#include "db/queries.h"
#include "db/types.h"

#include <endian.h>
#include <string.h>

void keyed_without(struct call *call, struct keyed *out)
{
	*out = (struct keyed){
		.principal_id = call->identity.principal_id,
		.actor = call->actor,
		.method = call->method->name,
	};
}

enum status keyed_begin(struct call *call, const ProtobufCMessage *request, const char *request_id,
                        struct keyed *out)
{
	static const char *const without[] = {"request_id", NULL};
	keyed_without(call, out);
	if (*request_id == '\0')
		return STATUS_OK;
	struct {
		struct uuid request_id;
		uint8_t digest[DIGEST_SIZE];
		struct bytes hash;
	} *kept = arena_alloc(&call->arena, sizeof(*kept));
	if (!kept)
		return call_no_memory(call);
	if (!uuid_parse(request_id, &kept->request_id))
		return call_fail_field(call, "request_id", "must be a UUID");
	TRY(digest_message(call, request, without, kept->digest));
	kept->hash = bytes_of(kept->digest, DIGEST_SIZE);
	out->request_id = &kept->request_id;
	out->hash = &kept->hash;
	return STATUS_OK;
}

static bool wrote(const struct rows *rows)
{
	int column = rows->statement->wrote;
	if (column >= 0)
		return rows->count > 0 && rows_bool(rows, 0, (size_t)column);
	column = rows->statement->found;
	return column >= 0 && rows->count > 0 && !rows_null(rows, 0, (size_t)column);
}

/* A repetition meets its own effect: its key, or what it has made. */
static bool may_be_repetition(const struct db_error *error)
{
	return strcmp(error->sqlstate, "23505") == 0 || strcmp(error->sqlstate, "23503") == 0 ||
	       strcmp(error->sqlstate, "23514") == 0;
}

/* The elements of one array, `size` bytes each. */
static enum status take_array(struct call *call, struct rows_array array, size_t size, void **out,
                              size_t *count)
{
	if (array.count == 0)
		return STATUS_OK;
	uint8_t *at = arena_alloc(&call->arena, array.count * size);
	if (!at)
		return call_no_memory(call);
	*out = at;
	struct bytes element;
	for (; rows_array_next(&array, &element); at += size)
		memcpy(at, element.data, size);
	*count = (size_t)(at - (uint8_t *)*out) / size;
	return STATUS_OK;
}

static enum status take_effect(struct call *call, const struct rows *rows,
                               struct keyed_effect *effect)
{
	void *ids = NULL, *uuids = NULL;
	TRY(take_array(call, idempotency_find_ids(rows, 0), sizeof(int64_t), &ids, &effect->count));
	TRY(take_array(call, idempotency_find_uuids(rows, 0), sizeof(struct uuid), &uuids,
	               &effect->count));
	effect->ids = ids;
	effect->uuids = uuids;
	for (size_t i = 0; ids && i < effect->count; i++)
		effect->ids[i] = (int64_t)be64toh((uint64_t)effect->ids[i]);
	if (!idempotency_find_fact_is_null(rows, 0))
		effect->fact = idempotency_find_fact(rows, 0);
	if (!idempotency_find_version_is_null(rows, 0))
		effect->version = idempotency_find_version(rows, 0);
	effect->repeated = true;
	return STATUS_OK;
}

static SUSPENDS enum status recall(struct call *call, const struct keyed *keyed,
                                   struct keyed_effect *effect)
{
	struct rows rows;
	TRY(query(call, &IDEMPOTENCY_FIND,
	          IDEMPOTENCY_FIND_PARAMS(.principal_id = keyed->principal_id,
	                                  .actor = keyed->actor, .request_id = *keyed->request_id),
	          &rows));
	if (rows.count == 0)
		return STATUS_OK;
	struct bytes hash = idempotency_find_request_hash(&rows, 0);
	if (strcmp(idempotency_find_method(&rows, 0), keyed->method) != 0 ||
	    hash.len != DIGEST_SIZE || memcmp(hash.data, keyed->hash->data, DIGEST_SIZE) != 0) {
		enum status status = call_fail_for(
			call, REASON_REQUEST_ID_REUSED,
			"request_id: it was used for another request (%s) within 24 hours; a new "
			"one is needed",
			idempotency_find_method(&rows, 0));
		call->field = "request_id";
		return status;
	}
	return take_effect(call, &rows, effect);
}

enum status keyed_write(struct call *call, const struct keyed *keyed, const struct write *write,
                        struct rows *rows, struct keyed_effect *effect)
{
	struct db_error error;
	*effect = (struct keyed_effect){0};
	enum status status = query_write(call, write, rows, &error);
	bool recalls = status == STATUS_OK ? !wrote(rows) : may_be_repetition(&error);
	if (keyed->request_id && recalls) {
		TRY(recall(call, keyed, effect));
		if (effect->repeated)
			return STATUS_OK;
	}
	return status == STATUS_OK ? STATUS_OK : constraint_explain(call, status, &error);
}

enum status keyed_write_anew(struct call *call, const struct keyed *keyed,
                             const struct write *write, enum reason taken, struct rows *rows,
                             struct keyed_effect *effect)
{
	enum status status = STATUS_OK;
	for (unsigned i = 0; i < KEYED_ATTEMPTS; i++) {
		status = keyed_write(call, keyed, write, rows, effect);
		if (status == STATUS_OK || call->reason != taken)
			break;
	}
	return status;
}
