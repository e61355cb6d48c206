/* http2_peer - a peer that speaks HTTP/2, frame by frame: whatever a server of gRPC may say, and
 * what a client must not be told.
 *
 * Within a script, like the functions of peer.h. Header blocks are written as literals, without
 * compression; what comes is read by nghttp2's decompressor. Source: RFC 9113. */
#pragma once
#include "tests/unit/client/peer.h"

#include <nghttp2/nghttp2.h>

enum { HTTP2_END_STREAM = 1, HTTP2_ACK = 1, HTTP2_END_HEADERS = 4 };

struct http2_frame {
	uint8_t type, flags;
	uint32_t stream;
	struct bytes payload; /* until the next read */
};

struct http2_request {
	uint32_t stream;
	char fields[4096]; /* "\nname: value\n..." */
	uint8_t body[4096];
	size_t len;
};

/* The next connection: preface and SETTINGS are read, SETTINGS are sent. */
void http2_peer_greet(struct peer *peer);

/* The same, our SETTINGS with one entry. */
void http2_peer_greet_with(struct peer *peer, uint16_t id, uint32_t value);

/* Only the client's part of it. */
void http2_peer_read_greeting(struct peer *peer);

/* The next frame; false: the client closed, or something went wrong before. */
bool http2_peer_read(struct peer *peer, struct http2_frame *frame);

/* The next frame of this type; others are passed over. */
void http2_peer_expect(struct peer *peer, uint8_t type, struct http2_frame *frame);

/* HEADERS, others are passed over. */
void http2_peer_expect_head(struct peer *peer, struct http2_request *request);

/* The same, and its DATA to the end. */
void http2_peer_expect_request(struct peer *peer, struct http2_request *request);

/* Whether its header list has this field; a fault if not. */
void http2_peer_check(struct peer *peer, const struct http2_request *request, const char *name,
                      const char *value);

/* The client resets the stream with this code. */
void http2_peer_expect_reset(struct peer *peer, uint32_t stream, uint32_t code);

/* The client closes; frames before that are passed over. */
void http2_peer_expect_close(struct peer *peer);

void http2_peer_say(struct peer *peer, uint8_t type, uint8_t flags, uint32_t stream,
                    struct bytes payload);
void http2_peer_say_number(struct peer *peer, uint8_t type, uint32_t stream, uint32_t number);
void http2_peer_say_setting(struct peer *peer, uint16_t id, uint32_t value);

/* HEADERS of these names and values, NULL after the last. */
void http2_peer_say_fields(struct peer *peer, uint8_t flags, uint32_t stream,
                           const char *const *fields);

/* The head of an answer of gRPC's. */
void http2_peer_say_head(struct peer *peer, uint32_t stream);

/* A message behind its prefix, in DATA frames of at most `most` bytes. */
void http2_peer_say_message(struct peer *peer, uint32_t stream, struct bytes message, size_t most);

/* Trailers of OK. */
void http2_peer_say_ok(struct peer *peer, uint32_t stream);

/* Head, message, trailers. */
void http2_peer_answer(struct peer *peer, uint32_t stream, struct bytes message);

/* An answer that is trailers only: this status, and one more field (NULL: none). */
void http2_peer_fail_call(struct peer *peer, uint32_t stream, const char *status, const char *name,
                          const char *value);

void http2_peer_goaway(struct peer *peer, uint32_t last, uint32_t code, const char *reason);
