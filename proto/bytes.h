/* bytes - a slice of memory that somebody else owns, and a buffer that grows.
 *
 * Owns: `struct bytes` nothing; `struct buffer` its storage.
 * Units: lengths in bytes. Errors: false when memory cannot be had; the buffer is unchanged then.
 */
#pragma once
#include "proto/status.h"

#include <stddef.h>
#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){data, len};
}

static inline struct bytes bytes_of_string(const char *string)
{
	return (struct bytes){(const uint8_t *)string, string ? strlen(string) : 0};
}

/* Where they end. NULL plus nothing is NULL, which C does not say. */
static inline const uint8_t *bytes_end(struct bytes bytes)
{
	return bytes.len ? bytes.data + bytes.len : bytes.data;
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_equal_string(struct bytes a, const char *string)
{
	return bytes_equal(a, bytes_of_string(string));
}

/* Bytes are appended at `end` and taken from `start`; [start, end) is what is in it. */
struct buffer {
	uint8_t *data;
	size_t start, end, capacity;
};

static inline size_t buffer_len(const struct buffer *buffer)
{
	return buffer->end - buffer->start;
}

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
	size_t len = buffer_len(buffer);
	return (struct bytes){len ? buffer->data + buffer->start : buffer->data, len};
}

/* Room for `len` more bytes at buffer->data + buffer->end; add to `end` what was written. NULL: no
 * memory. */
MUST_CHECK
uint8_t *buffer_reserve(struct buffer *buffer, size_t len);
MUST_CHECK
bool buffer_append(struct buffer *buffer, const void *data, size_t len);

/* Takes `len` bytes from the front (len <= buffer_len). An emptied buffer keeps its storage. */
void buffer_consume(struct buffer *buffer, size_t len);

/* Gives the storage back to the heap: an idle connection holds none. */
void buffer_deinit(struct buffer *buffer);
