#include "daemon/transport/http2/fields.h"

enum { FIELD_OVERHEAD = 32 };

void fields_add(struct http2_fields *fields, struct bytes name, struct bytes value,
                enum fields_kind kind)
{
	if (fields->count == FIELDS_MAX)
		return;
	fields->list_size += name.len + value.len + FIELD_OVERHEAD;
	fields->nv[fields->count++] = (nghttp2_nv){
		.name = (uint8_t *)name.data,
		.value = (uint8_t *)value.data,
		.namelen = name.len,
		.valuelen = value.len,
		.flags = kind == FIELD_ONCE ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE,
	};
}
