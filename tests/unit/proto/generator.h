/* generator - random wire bytes of a message type, from a seed: what a peer's encoder may send (in
 * any order, packed or not, with unknown fields), and what becomes of it when bytes go wrong.
 *
 * Owns: nothing. Lifetime: the bytes are the buffer's. */
#pragma once
#include "proto/bytes.h"

#include <protobuf-c/protobuf-c.h>

/* Appends a message that is well-formed and that wire_check takes: message fields that are not
 * repeated come once, texts are UTF-8 without NUL. `depth` levels of messages are made below it. */
void generate_message(struct buffer *out, const ProtobufCMessageDescriptor *descriptor,
                      uint64_t *seed, unsigned depth);

/* Changes, inserts, deletes and repeats bytes. */
void generate_damage(struct buffer *wire, uint64_t *seed);
