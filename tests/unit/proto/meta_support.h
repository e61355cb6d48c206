/* Decoding of meta blocks, for the tests of all of them: what must be taken, what refused and why.
 */
#pragma once
#include "proto/frame.h"
#include "tests/unit/proto/support.h"

enum { BLOCK = 16384 };

static uint8_t block[BLOCK];

/* What a peer's protobuf library would send. */
static inline struct bytes packed(const void *message)
{
	assert_true(protobuf_c_message_get_packed_size(message) <= BLOCK);
	return bytes_of(block, protobuf_c_message_pack(message, block));
}

static inline ProtobufCBinaryData binary(const char *text)
{
	return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static inline struct metadata pair(const char *key, const char *value)
{
	return (struct metadata){bytes_of_string(key), bytes_of_string(value)};
}

static inline void assert_binary(ProtobufCBinaryData got, const char *expected)
{
	assert_bytes(bytes_of(got.data, got.len), expected);
}

typedef bool decoder(struct bytes meta, const char **reason);

static inline bool decode_hello(struct bytes meta, const char **reason)
{
	struct hello out;
	return hello_decode(meta, &out, reason);
}

static inline bool decode_call(struct bytes meta, const char **reason)
{
	struct call_meta out;
	return call_meta_decode(meta, &out, reason);
}

static inline bool decode_head(struct bytes meta, const char **reason)
{
	struct head_meta out;
	return head_meta_decode(meta, &out, reason);
}

static inline bool decode_end(struct bytes meta, const char **reason)
{
	struct end_meta out;
	return end_meta_decode(meta, &out, reason);
}

static inline bool decode_cancel(struct bytes meta, const char **reason)
{
	struct cancel_meta out;
	return cancel_meta_decode(meta, &out, reason);
}

static inline bool decode_goaway(struct bytes meta, const char **reason)
{
	struct goaway_meta out;
	return goaway_meta_decode(meta, &out, reason);
}

__attribute__((unused)) static decoder *const decoders[] = {
	decode_hello, decode_call, decode_head, decode_end, decode_cancel, decode_goaway};

enum { DECODERS = sizeof decoders / sizeof *decoders };

static inline void assert_refused(decoder *decode, const char *meta, const char *why)
{
	struct hex bytes = hex(meta);
	uint8_t *copy = exact_copy(hex_bytes(&bytes));
	const char *reason = NULL;
	assert_false(decode(bytes_of(copy, bytes.len), &reason));
	free(copy);
	if (!reason || !strstr(reason, why))
		fail_msg("%s: \"%s\" does not say \"%s\"", meta, reason ? reason : "", why);
}

static inline void assert_taken(decoder *decode, const char *meta)
{
	struct hex bytes = hex(meta);
	const char *reason = NULL;
	if (!decode(hex_bytes(&bytes), &reason))
		fail_msg("%s: refused: %s", meta, reason);
}

/* Every truncation of `meta` is refused, or taken as the shorter block that it also is; none is
 * read past its end. */
static inline void cut_everywhere(decoder *decode, struct bytes meta)
{
	size_t refused = 0;
	for (size_t len = 0; len < meta.len; len++) {
		uint8_t *copy = exact_copy(bytes_of(meta.data, len));
		const char *reason = NULL;
		if (!decode(bytes_of(copy, len), &reason)) {
			assert_non_null(reason);
			refused++;
		}
		free(copy);
	}
	assert_true(refused > meta.len / 2);
}
