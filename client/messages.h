/* messages - packed messages that wait in a buffer, in order: what a streaming call is to send, and
 * what it received and has not given out.
 *
 * Owns: nothing (the buffer is the caller's). Units: bytes.
 * Errors: false when memory cannot be had. */
#pragma once
#include "proto/bytes.h"

enum { MESSAGE_PLAIN, MESSAGE_COMPRESSED }; /* tags of what is to be sent */

struct message {
	struct bytes bytes; /* in the buffer; gone with the next change of it */
	uint32_t tag;       /* whatever the caller wants to remember */
};

/* Room for one message of `len` bytes, counted as queued; NULL without memory. */
MUST_CHECK
uint8_t *messages_reserve(struct buffer *queue, size_t len, uint32_t tag);
MUST_CHECK
bool messages_push(struct buffer *queue, struct bytes message, uint32_t tag);

/* The first message; false when there is none. */
bool messages_first(const struct buffer *queue, struct message *out);
void messages_pop(struct buffer *queue);
