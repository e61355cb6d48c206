#include "client/messages.h"

struct prefix {
	uint32_t len, tag;
};

uint8_t *messages_reserve(struct buffer *queue, size_t len, uint32_t tag)
{
	if (len > UINT32_MAX)
		return NULL;
	struct prefix prefix = {(uint32_t)len, tag};
	uint8_t *room = buffer_reserve(queue, sizeof prefix + len);
	if (!room)
		return NULL;
	memcpy(room, &prefix, sizeof prefix);
	queue->end += sizeof prefix + len;
	return room + sizeof prefix;
}

bool messages_push(struct buffer *queue, struct bytes message, uint32_t tag)
{
	uint8_t *room = messages_reserve(queue, message.len, tag);
	if (room && message.len > 0)
		memcpy(room, message.data, message.len);
	return room != NULL;
}

bool messages_first(const struct buffer *queue, struct message *out)
{
	if (buffer_len(queue) == 0)
		return false;
	struct prefix prefix;
	const uint8_t *at = queue->data + queue->start;
	memcpy(&prefix, at, sizeof prefix);
	*out = (struct message){bytes_of(at + sizeof prefix, prefix.len), prefix.tag};
	return true;
}

void messages_pop(struct buffer *queue)
{
	struct message first;
	if (messages_first(queue, &first))
		buffer_consume(queue, sizeof(struct prefix) + first.bytes.len);
}
