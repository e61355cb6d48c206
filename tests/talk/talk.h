/* talk - one end of a conversation with a server of ours, frame by frame: whatever a client may
 * send, and exactly what it gets for it.
 *
 * Blocking; whatever does not come within TALK_PATIENCE_MS fails the test. */
#pragma once
#include "proto/frame.h"
#include "tests/support/program.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TALK_PATIENCE_MS = 60000 };

/* --- bytes to send --------------------------------------------------------- */

/* Appended to `out`, whatever the protocol says about them. */
void say_preface(struct buffer *out, uint8_t version_min, uint8_t version_max);
void say_frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream, struct bytes meta,
               struct bytes body);
void say_hello(struct buffer *out, const struct hello *hello);
/* `method` of the EchoService: "Echo". */
void say_call(struct buffer *out, uint32_t stream, uint8_t flags, const char *method,
              struct bytes body);
void say_call_meta(struct buffer *out, uint32_t stream, uint8_t flags, const struct call_meta *meta,
                   struct bytes body);
void say_message(struct buffer *out, uint32_t stream, uint8_t flags, struct bytes body);
void say_cancel(struct buffer *out, uint32_t stream, enum status code);
void say_credit(struct buffer *out, uint32_t stream, uint32_t increment);
void say_ping(struct buffer *out, uint8_t flags, const char body[8]);
void say_goaway(struct buffer *out, uint8_t flags, const struct goaway_meta *meta);

/* An EchoMessage with `len` bytes of `fill`, appended to `out`; and where it is. */
struct bytes echo_message(struct buffer *out, size_t len, uint8_t fill);

/* A message whose fields 1, 2, ... are these numbers (0: left out): ExpandRequest and the like. */
struct bytes numbers_message(struct buffer *out, const uint64_t *numbers, size_t count);

/* "/prism.test.v1.EchoService/" and the method. Static; good until the next call. */
struct bytes echo_path(const char *method);

static inline struct bytes nothing(void)
{
	return (struct bytes){NULL, 0};
}

/* --- a conversation ---------------------------------------------------------- */

struct talk {
	int fd;
	struct buffer out; /* said, and not sent yet */
	struct buffer in;
	size_t taken; /* of `in`: the frame that was returned last */
	struct hello server;
	uint8_t hello_bytes[256]; /* that `server` points into */
};

/* A connection, and nothing said. */
void talk_dial(struct talk *talk, const char *address);

/* With preface and HELLO both ways. `hello` NULL: an empty one. */
void talk_open(struct talk *talk, const char *address, const struct hello *hello);
void talk_close(struct talk *talk);

/* Sends what was said into talk->out. */
void talk_send(struct talk *talk);

/* The same, a byte at a time. */
void talk_send_slowly(struct talk *talk);

/* Sends bytes that need not be a frame. */
void talk_send_bytes(struct talk *talk, const void *data, size_t len);

/* The server's preface and HELLO. */
void talk_expect_greeting(struct talk *talk);

/* The next frame, good until the next call. */
struct frame talk_next(struct talk *talk);

/* The next frame is exactly this one. */
void talk_expect(struct talk *talk, enum frame_type type, uint8_t flags, uint32_t stream,
                 struct bytes body);

/* An END with OK and this message. */
void talk_expect_answer(struct talk *talk, uint32_t stream, struct bytes body);

/* An END without a message: its status, and what its text contains (NULL: whatever). */
struct end_meta talk_expect_end(struct talk *talk, uint32_t stream, enum status code,
                                const char *text);

/* CREDIT frames on `stream` may come first; what they grant in sum until `enough`. */
uint64_t talk_expect_credit(struct talk *talk, uint32_t stream, uint64_t enough);

/* GOAWAY FINAL with this code and a reason that contains `text`, then the end. */
void talk_expect_fault(struct talk *talk, enum status code, const char *text);

/* GOAWAY with these flags. */
struct goaway_meta talk_expect_goaway(struct talk *talk, uint8_t flags);

/* The server closed, with no further byte. */
void talk_expect_closed(struct talk *talk);

/* Whether anything arrives within `ms`: for what must not come. */
bool talk_hears(struct talk *talk, int ms);

/* A whole unary call on a connection with nothing else going on: the body of its answer. */
struct bytes talk_ask(struct talk *talk, uint32_t stream, const char *method, struct bytes request);

/* --- the server under test ------------------------------------------------------ */

extern struct program server;

/* Starts prismd-echo with these arguments (NULL-terminated) on a free port of loopback. */
void server_up(const char *const arguments[]);

/* SIGTERM; it ends with 0, having found nothing left behind. */
void server_down(void);

/* What the one worker holds, as another connection sees it (that one not counted). */
struct server_count {
	uint64_t calls, running, connections, fibers;
	uint64_t faults, gzip_bombs, header_bombs, stream_stalls, write_stalls, preface_timeouts;
	uint64_t failed; /* calls, ever */
};
struct server_count server_count(void);

/* The same with the faults of this number in http2/fault.def, from 1. */
struct server_count server_count_of(uint32_t fault);
/* A field of the answer to Count. */
uint64_t server_count_field(struct bytes message, uint32_t number);

/* Waits until nothing is left of what a test did; `connections`: but so many that are still open.
 */
void server_settled_but(uint64_t connections);
void server_settled(void);

/* Group and test fixtures for cmocka. */
int server_group_setup(void **state);
int server_group_teardown(void **state);
int server_test_teardown(void **state);
