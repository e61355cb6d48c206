#include "proto/bytes.h"

#include <assert.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 512 };

/* Moves what is in the buffer to its front: cheap, as it is what remained of a partial frame. */
static void buffer_compact(struct buffer *buffer)
{
	if (buffer->start == 0)
		return;
	memmove(buffer->data, buffer->data + buffer->start, buffer_len(buffer));
	buffer->end -= buffer->start;
	buffer->start = 0;
}

static bool buffer_grow(struct buffer *buffer, size_t needed)
{
	size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_FIRST;
	while (capacity < needed)
		capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
	uint8_t *data = realloc(buffer->data, capacity);
	if (!data)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t len)
{
	if (buffer->data && len <= buffer->capacity - buffer->end)
		return buffer->data + buffer->end;
	size_t held = buffer_len(buffer);
	if (len > PTRDIFF_MAX - held)
		return NULL;
	if ((held + len > buffer->capacity || !buffer->data) && !buffer_grow(buffer, held + len))
		return NULL;
	buffer_compact(buffer);
	return buffer->data + buffer->end;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t len)
{
	uint8_t *room = buffer_reserve(buffer, len);
	if (!room)
		return false;
	if (len > 0)
		memcpy(room, data, len);
	buffer->end += len;
	return true;
}

void buffer_consume(struct buffer *buffer, size_t len)
{
	assert(len <= buffer_len(buffer));
	buffer->start += len;
	if (buffer->start == buffer->end)
		buffer->start = buffer->end = 0;
}

void buffer_deinit(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}
