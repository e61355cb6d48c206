/* fields - the header list of a response, put together on the stack; nghttp2 copies it. */
#pragma once
#include "proto/frame.h"

#include <nghttp2/nghttp2.h>

enum {
	FIELDS_MAX = 48,    /* more are left out: nobody has so many */
	TRAILERS_FIELD = 1, /* number of the entries in a stream's trailers */
};

struct http2_fields {
	size_t count;
	size_t list_size; /* as RFC 9113 counts */
	nghttp2_nv nv[FIELDS_MAX];
};

static inline void fields_init(struct http2_fields *fields)
{
	fields->count = fields->list_size = 0;
}

/* `flags` are nghttp2's, of the field. */
void fields_append(struct http2_fields *fields, struct bytes name, struct bytes value,
                   uint8_t flags);

/* A value that is another one each time: not worth a place in the compression table. Copied when it
 * is submitted. */
static inline void fields_add(struct http2_fields *fields, struct bytes name, struct bytes value)
{
	fields_append(fields, name, value, NGHTTP2_NV_FLAG_NO_INDEX);
}

/* Static texts. */
static inline void fields_put(struct http2_fields *fields, const char *name, const char *value)
{
	fields_append(fields, bytes_of_string(name), bytes_of_string(value),
	              NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}

/* RFC 9110, 15.5.6: 405 names the methods that are allowed. */
static inline void fields_put_allowed(struct http2_fields *fields, const char *http_status)
{
	if (strcmp(http_status, "405") == 0)
		fields_put(fields, "allow", "POST");
}
