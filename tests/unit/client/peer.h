/* peer - the other end of a client under test: a thread that listens on a port of its own and does
 * what a script says, byte for byte.
 *
 * Within a script every function does nothing once something went wrong; peer_stop() then fails the
 * cmocka test with the text of it. Thread: scripts run on the peer's own; what they share with the
 * test is read after peer_stop(). Units: bytes. */
#pragma once
#include "proto/frame.h"

#include <pthread.h>
#include <stdatomic.h>

struct nghttp2_hd_inflater;

struct peer {
	char address[64]; /* "127.0.0.1:PORT" */
	int listener, fd;
	pthread_t thread;
	void (*script)(struct peer *peer);
	void *ctx;
	struct buffer in, out; /* out: while corked */
	bool corked;
	size_t used;                          /* of `in` by the last frame */
	struct nghttp2_hd_inflater *inflater; /* of one that speaks HTTP/2 */
	struct hello hello;                   /* the client's, its texts only until the next read */
	char token[64], agent[64];
	char fault[256];
	atomic_int stage; /* how far the script has come, where it says so */
};

void peer_start(struct peer *peer, void (*script)(struct peer *peer), void *ctx);
/* At a unix socket. */
void peer_start_at(struct peer *peer, const char *path, void (*script)(struct peer *peer),
                   void *ctx);
/* Waits for the script's end. */
void peer_stop(struct peer *peer);

/* A connection that says nothing and ends, for a script that waits for one. */
void peer_poke(struct peer *peer);

/* Waits until the script has come to this stage (or failed), and then for what it sent to arrive.
 */
void peer_wait(struct peer *peer, int stage);

/* --- within a script ---------------------------------------------------------------- */

void peer_fail(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next connection; the one before it is closed. */
void peer_accept(struct peer *peer);

/* The client's preface and HELLO are read. */
void peer_read_greeting(struct peer *peer);

/* Preface and HELLO; `hello` NULL: one that raises nothing. */
void peer_say_hello(struct peer *peer, const struct hello *hello);

/* peer_accept(), peer_read_greeting(), peer_say_hello() with nothing raised. */
void peer_greet(struct peer *peer);

/* The next frame; false: the client closed, or something went wrong before. */
bool peer_read(struct peer *peer, struct frame *frame);

/* The next frame must be of this type; CREDIT frames before it are skipped. */
void peer_expect(struct peer *peer, enum frame_type type, struct frame *frame);

/* A CALL, its metadata decoded. */
void peer_expect_call(struct peer *peer, struct frame *frame, struct call_meta *meta);

/* The client closes the connection; frames before that are skipped. */
void peer_expect_close(struct peer *peer);

/* The same, whatever the client says before. */
void peer_drain(struct peer *peer);

/* Appends what comes to `in`. False: the client closed, or a fault. */
bool peer_read_more(struct peer *peer);

/* What was returned last is over. */
void peer_forget(struct peer *peer);

void peer_send(struct peer *peer, const void *data, size_t len);

/* What is sent in between goes at once, in peer_uncork(): the client cannot leave in the middle. */
void peer_cork(struct peer *peer);
void peer_uncork(struct peer *peer);

void peer_send_frame(struct peer *peer, enum frame_type type, uint8_t flags, uint32_t stream,
                     struct bytes meta, struct bytes body);

/* END with status OK and a message. */
void peer_answer(struct peer *peer, uint32_t stream, struct bytes message);

/* END without a message. */
void peer_end(struct peer *peer, uint32_t stream, const struct end_meta *meta);

void peer_goaway(struct peer *peer, uint8_t flags, const struct goaway_meta *meta);
void peer_credit(struct peer *peer, uint32_t stream, uint32_t increment);

void peer_hang_up(struct peer *peer); /* FIN */
void peer_reset(struct peer *peer);   /* RST */
