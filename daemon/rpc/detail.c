#include "daemon/rpc/detail.h"

#include "google/protobuf/any.pb-c.h"
#include "google/rpc/error_details.pb-c.h"

#include <stdio.h>
#include <string.h>

enum { DETAILS_MAX = 3, FACT_SIZE = 512 };

void call_blame_field(struct call *call)
{
	const char *colon = call->message ? strstr(call->message, ": ") : NULL;
	call->reason = REASON_FIELD_INVALID;
	if (colon)
		call->field = arena_string(
			&call->arena, bytes_of(call->message, (size_t)(colon - call->message)));
}

void call_fact(struct call *call, const char *name, const char *format, ...)
{
	char text[FACT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	struct fact fact = {arena_strdup(&call->arena, name), arena_strdup(&call->arena, text)};
	if (call->fact_count < CALL_FACTS_MAX && fact.name && fact.value)
		call->facts[call->fact_count++] = fact;
}

/* Without memory the call ends without its details. */
static void add(struct call *call, const ProtobufCMessage *message)
{
	char url[96];
	snprintf(url, sizeof(url), "type.googleapis.com/%s", message->descriptor->name);
	size_t len = protobuf_c_message_get_packed_size(message);
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	any.type_url = url;
	any.value.data = arena_alloc(&call->arena, len ? len : 1);
	if (!any.value.data)
		return;
	any.value.len = protobuf_c_message_pack(message, any.value.data);
	uint8_t *packed = arena_alloc(&call->arena, google__protobuf__any__get_packed_size(&any));
	if (packed)
		call->details[call->detail_count++] =
			bytes_of(packed, google__protobuf__any__pack(&any, packed));
}

static void add_reason(struct call *call)
{
	Google__Rpc__ErrorInfo__MetadataEntry entries[CALL_FACTS_MAX];
	Google__Rpc__ErrorInfo__MetadataEntry *pointers[CALL_FACTS_MAX];
	for (uint32_t i = 0; i < call->fact_count; i++) {
		google__rpc__error_info__metadata_entry__init(&entries[i]);
		entries[i].key = (char *)call->facts[i].name;
		entries[i].value = (char *)call->facts[i].value;
		pointers[i] = &entries[i];
	}
	Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
	info.reason = (char *)reason_name(call->reason);
	info.domain = REASON_DOMAIN;
	info.n_metadata = call->fact_count;
	info.metadata = pointers;
	add(call, &info.base);
}

/* The violation's text is the call's, without the field before it. */
static void add_field(struct call *call)
{
	size_t len = strlen(call->field);
	const char *fault = call->message;
	if (strncmp(fault, call->field, len) == 0 && strncmp(fault + len, ": ", 2) == 0)
		fault += len + 2;
	Google__Rpc__BadRequest__FieldViolation violation =
		GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT;
	violation.field = (char *)call->field;
	violation.description = (char *)fault;
	Google__Rpc__BadRequest__FieldViolation *violations[] = {&violation};
	Google__Rpc__BadRequest request = GOOGLE__RPC__BAD_REQUEST__INIT;
	request.n_field_violations = 1;
	request.field_violations = violations;
	add(call, &request.base);
}

static void add_pushback(struct call *call)
{
	Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
	delay.seconds = call->pushback_ms / 1000;
	delay.nanos = (int32_t)(call->pushback_ms % 1000) * 1000000;
	Google__Rpc__RetryInfo retry = GOOGLE__RPC__RETRY_INFO__INIT;
	retry.retry_delay = &delay;
	add(call, &retry.base);
}

void detail_pack(struct call *call)
{
	if (call->reason == REASON_NONE && !call->field && call->pushback_ms == 0)
		return;
	call->detail_count = 0;
	call->details = arena_alloc(&call->arena, DETAILS_MAX * sizeof(*call->details));
	if (!call->details)
		return;
	if (call->reason != REASON_NONE)
		add_reason(call);
	if (call->field)
		add_field(call);
	if (call->pushback_ms > 0)
		add_pushback(call);
}
