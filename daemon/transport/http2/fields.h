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

enum fields_kind {
	FIELD_COMMON, /* worth a place in the compression table */
	FIELD_ONCE,   /* another value each time */
};

static inline void fields_init(struct http2_fields *fields)
{
	fields->count = fields->list_size = 0;
}

/* What both point at outlives the submission. */
void fields_add(struct http2_fields *fields, struct bytes name, struct bytes value,
                enum fields_kind kind);

static inline void fields_put(struct http2_fields *fields, const char *name, const char *value)
{
	fields_add(fields, bytes_of_string(name), bytes_of_string(value), FIELD_COMMON);
}
