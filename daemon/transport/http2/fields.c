#include "daemon/transport/http2/fields.h"

enum { FIELD_OVERHEAD = 32 };

void fields_append(struct http2_fields *fields, struct bytes name, struct bytes value,
                   uint8_t flags)
{
	if (fields->count == FIELDS_MAX)
		return;
	fields->list_size += name.len + value.len + FIELD_OVERHEAD;
	fields->nv[fields->count++] = (nghttp2_nv){
		.name = (uint8_t *)name.data,
		.value = (uint8_t *)value.data,
		.namelen = name.len,
		.valuelen = value.len,
		.flags = flags,
	};
}
