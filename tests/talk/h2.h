/* h2 - one end of a conversation over HTTP/2, frame by frame: whatever a client may send, and
 * exactly what it gets for it.
 *
 * Header blocks are written as literals, without compression; what comes is read by nghttp2's
 * decompressor. Blocking; whatever does not come within TALK_PATIENCE_MS fails the test.
 * Source: RFC 9113. */
#pragma once
#include "tests/talk/talk.h"

#include <nghttp2/nghttp2.h>

enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4, H2_FIELDS_MAX = 32 };

struct h2 {
	struct talk talk; /* its buffers, with frames of HTTP/2 */
	nghttp2_hd_inflater *inflater;
};

struct h2_frame {
	uint8_t type, flags;
	uint32_t stream;
	struct bytes payload;
};

struct h2_field {
	const char *name, *value;
};

/* A whole response. */
struct h2_answer {
	size_t count;
	struct {
		char name[64], value[2048];
	} fields[H2_FIELDS_MAX];
	struct buffer body;
	bool reset; /* it ended with RST_STREAM; `code` says why */
	uint32_t code;
};

/* Connected, and nothing said. */
void h2_dial(struct h2 *h2, const char *address);

/* With preface and SETTINGS both ways, these ones of ours. */
void h2_open_with(struct h2 *h2, const char *address, const nghttp2_settings_entry *settings,
                  size_t count);
void h2_open(struct h2 *h2, const char *address);
void h2_close(struct h2 *h2);
void h2_send(struct h2 *h2);

/* --- frames; appended to talk.out, whatever the protocol says about them ---------------------- */

void h2_say_preface(struct h2 *h2);
void h2_say(struct h2 *h2, uint8_t type, uint8_t flags, uint32_t stream, struct bytes payload);
void h2_say_number(struct h2 *h2, uint8_t type, uint32_t stream, uint32_t number);

/* A header block of these fields (NULL name: the end). */
void h2_say_headers(struct h2 *h2, uint8_t flags, uint32_t stream, const struct h2_field *fields);
void h2_field_write(struct buffer *block, const char *name, const char *value);

/* A gRPC request's head for a method of the EchoService, with more fields (NULL: none). */
void h2_say_request(struct h2 *h2, uint32_t stream, const char *method,
                    const struct h2_field *more);

/* A message behind its prefix, in one DATA frame (at most 16 KiB). */
void h2_say_message(struct h2 *h2, uint8_t flags, uint32_t stream, struct bytes message);

/* --- what comes ---------------------------------------------------------------------- */

/* The next frame, good until the next call. */
struct h2_frame h2_next(struct h2 *h2);

/* The next frame of this type; others are passed over. */
struct h2_frame h2_wait_for(struct h2 *h2, uint8_t type);

/* Everything of a stream until it ends; other streams' frames are passed over. */
void h2_answer(struct h2 *h2, uint32_t stream, struct h2_answer *answer);
const char *h2_answer_field(const struct h2_answer *answer, const char *name); /* "": none */
void h2_answer_free(struct h2_answer *answer);

/* A stream ends with this gRPC status, and a message that contains `text` (NULL: whatever). */
void h2_expect_status(struct h2 *h2, uint32_t stream, enum status status, const char *text);

/* RST_STREAM with this code. */
void h2_expect_reset(struct h2 *h2, uint32_t stream, uint32_t code);

/* GOAWAY with this code and a reason that contains `text`; then the end. */
void h2_expect_fault(struct h2 *h2, uint32_t code, const char *text);

/* The server closed. What came before is passed over. */
void h2_expect_closed(struct h2 *h2);

/* A unary Echo, and its answer. */
void h2_echo(struct h2 *h2, uint32_t stream);

/* --- the end of a connection, in two steps ------------------------------------------------ */

/* GOAWAY that names every stream, and a PING behind it. */
void h2_expect_notice(struct h2 *h2);

/* The answer to that PING, appended to talk.out; a second PING follows. */
void h2_say_pong(struct h2 *h2);

/* Answers both. */
void h2_acknowledge(struct h2 *h2);

/* The last GOAWAY names the last stream that is served. */
void h2_expect_last(struct h2 *h2, uint32_t stream);
