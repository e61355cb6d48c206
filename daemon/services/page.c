#include "daemon/services/page.h"

#include "daemon/auth/seal.h"
#include "daemon/rpc/detail.h"
#include "proto/limits.h"

#include <string.h>
#include <time.h>

/* Sealed in the machine's own form: a token returns to the installation that made it. */
struct sealed_page {
	int64_t expires_s; /* Unix time */
	struct page_key key;
};

enum { SECONDS_PER_DAY = 86400 };

/* A token is of one method, one request and one caller. */
static enum status context_of(struct call *call, const struct page *page, struct bytes *out)
{
	size_t path_len = strlen(call->method->path);
	size_t actor_len = call->actor ? sizeof(*call->actor) : 0;
	uint8_t *context =
		arena_alloc(&call->arena, DIGEST_SIZE + sizeof(int64_t) + path_len + actor_len);
	if (!context)
		return call_no_memory(call);
	uint8_t *at = context;
	memcpy(at, page->digest, DIGEST_SIZE);
	at += DIGEST_SIZE;
	memcpy(at, &call->identity.principal_id, sizeof(int64_t));
	at += sizeof(int64_t);
	memcpy(at, call->method->path, path_len);
	at += path_len;
	if (call->actor)
		memcpy(at, call->actor, actor_len);
	*out = bytes_of(context, (size_t)(at - context) + actor_len);
	return STATUS_OK;
}

static enum status refuse(struct call *call, const char *fault)
{
	enum status status = call_fail_for(call, REASON_PAGE_TOKEN_INVALID,
	                                   "page_token: %s; begin with an empty one", fault);
	call->field = "page_token";
	return status;
}

static enum status take_token(struct call *call, const char *token, struct page *page)
{
	struct bytes context;
	TRY(context_of(call, page, &context));
	uint8_t data[SEAL_DATA_MAX];
	size_t len;
	if (!seal_open(call, KEYRING_PAGE_TOKEN, context, token, data, &len) ||
	    len != sizeof(struct sealed_page))
		return refuse(call, "it is not of this list with these filters and this order, or "
		                    "of another caller");
	struct sealed_page sealed;
	memcpy(&sealed, data, sizeof(sealed));
	if (sealed.expires_s < time(NULL))
		return refuse(call, "it has expired");
	page->key = sealed.key;
	page->after = true;
	return STATUS_OK;
}

enum status page_begin(struct call *call, const ProtobufCMessage *request, int32_t page_size,
                       const char *page_token, struct page *out)
{
	static const char total[] = "want_total";
	const ProtobufCMessageDescriptor *type = request->descriptor;
	bool counts = protobuf_c_message_descriptor_get_field_by_name(type, total);
	const char *const without[] = {"page_size", "page_token", counts ? total : NULL, NULL};
	*out = (struct page){.size = page_size ? page_size : PAGE_SIZE_DEFAULT};
	if (out->size > LIMIT_PAGE_SIZE)
		out->size = LIMIT_PAGE_SIZE;
	out->max_rows = out->size + 1;
	TRY(digest_message(call, request, without, out->digest));
	return *page_token ? take_token(call, page_token, out) : STATUS_OK;
}

size_t page_rows(const struct page *page, size_t found)
{
	return found > (size_t)page->size ? (size_t)page->size : found;
}

size_t page_fit(const struct page *page, const struct rows *rows)
{
	size_t most = page_rows(page, rows->count), bytes = 0;
	for (size_t row = 0; row < most; row++) {
		bytes += rows_size(rows, row);
		if (row > 0 && bytes > LIMIT_PAGE_BYTES)
			return row;
	}
	return most;
}

enum status page_token(struct call *call, const struct page *page, const struct page_key *last,
                       char **token)
{
	struct sealed_page sealed;
	memset(&sealed, 0, sizeof(sealed));
	sealed.expires_s = time(NULL) + PAGE_TOKEN_DAYS * SECONDS_PER_DAY;
	sealed.key = *last;
	struct bytes context;
	TRY(context_of(call, page, &context));
	const char *text =
		seal_make(call, KEYRING_PAGE_TOKEN, context, bytes_of(&sealed, sizeof(sealed)));
	*token = (char *)text;
	return text ? STATUS_OK : call_no_memory(call);
}

int32_t page_total_most(bool wanted)
{
	return wanted ? LIMIT_TOTAL_SIZE + 1 : 0;
}

void page_total(int64_t counted, int32_t *total_size, protobuf_c_boolean *capped)
{
	*capped = counted > LIMIT_TOTAL_SIZE;
	*total_size = *capped ? LIMIT_TOTAL_SIZE : (int32_t)counted;
}
