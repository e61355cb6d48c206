/* rig - an rpc on a real loop, with a transport that records what it is told and handlers that the
 * test brings along.
 *
 * The service test.Desk has a method of each kind; requests and responses are StringValues.
 * rig_end() asserts that nothing is left: no call, fiber, heap entry. Thread: one rig each. */
#pragma once
#include "daemon/rpc/fiber.h"
#include "daemon/rpc/rpc.h"
#include "google/protobuf/wrappers.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef Google__Protobuf__StringValue Text;

enum { RIG_SENT_MAX = 64, RIG_EVENTS_MAX = 32 };

/* What the transport knows of one call. */
struct told {
	bool finished;
	enum status status;
	enum outcome outcome;
	enum retry retry;
	char message[1200];
	char response[64]; /* of finish(); "" without one */
	char sent[RIG_SENT_MAX][64];
	size_t sent_count;
	size_t taken_count, taken_bytes;
	bool full;             /* writable() says no */
	bool fills;            /* is full after each message */
	bool cancel_in_finish; /* calls call_cancel() from within finish() */
};

struct rig {
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_check_t check;
	struct rpc rpc;
	struct router *router;
	struct peer peer;
	void (*text_of)(const ProtobufCMessage *message, char out[64]);
	bool (*until)(struct rig *rig,
	              void *ctx); /* when to stop the loop; NULL: it is not asked to */
	void *until_ctx;
	/* the handler of every method; `response` is NULL when the method streams out */
	enum status (*handler)(struct rig *rig, struct call *call, const Text *request,
	                       Text *response);
	void *ctx;      /* the test's own */
	size_t unwound; /* handlers that returned */
	/* what interceptors did, in order, as text: "before a;after a;" */
	char trace[512];
	struct call *pending; /* that an interceptor holds */
};

extern const struct call_ops rig_ops;

struct rig_settings {
	const struct service *more; /* another service beside test.Desk; NULL: none */
	/* What told.sent and told.response say of a message; NULL: its text. */
	void (*text_of)(const ProtobufCMessage *message, char out[64]);
	const struct interceptor *const *interceptors;
	struct pool *pool;
	uint32_t running_limit;
};

void rig_begin(struct rig *rig, const struct rig_settings *settings);
void rig_end(struct rig *rig);

/* A call of "/test.Desk/NAME" (an unknown one too); timeout_ms 0: it names none. */
struct call *rig_call(struct rig *rig, const char *name, uint32_t timeout_ms, struct told *told);

/* The same by its whole path. */
struct call *rig_call_path(struct rig *rig, const char *path, uint32_t timeout_ms,
                           struct told *told);

/* The same, of a unary method, with its request, complete. */
struct call *rig_unary(struct rig *rig, const char *text, uint32_t timeout_ms, struct told *told);

/* A request message: a StringValue, which looks like every message whose field 1 is a string. */
void rig_message(struct call *call, const char *text);

/* The deadline of a call that names none passes in a moment; it was RIG_DEADLINE. */
void rig_expire(struct call *call);
#define RIG_DEADLINE "the deadline of 250 ms has passed"

/* One turn of the loop, without waiting. */
void rig_turn(struct rig *rig);

/* Turns, waiting for timers, until done(rig, ctx). */
void rig_until_done(struct rig *rig, bool (*done)(struct rig *rig, void *ctx), void *ctx);

/* The same, until *flag. */
void rig_until(struct rig *rig, bool *flag);

void rig_note(struct rig *rig, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Answers "re: REQUEST". */
enum status rig_echo(struct rig *rig, struct call *call, const Text *request, Text *response);

/* Asserts what the transport was told. */
void rig_assert_told(const struct told *told, enum status status, const char *message);
