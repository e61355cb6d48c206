/* prism/client.h - libprism, the client library of PRISM.
 *
 * A channel is a connection to a PRISM daemon that connects on first use, reconnects with back-off,
 * and multiplexes calls. It belongs to one thread. Two ways to use it: on a libuv loop of yours:
 * prism_channel_open(..., loop): calls end in callbacks on that loop; blocking:
 * prism_channel_open(..., NULL): the *_wait functions run a private loop until the call has ended.
 * Generated stubs (protoc-gen-prism-c) give each method a typed function of both kinds; what
 * follows is what they are made of.
 *
 * Units: *_ms milliseconds. Ownership: strings and messages passed in are copied or packed before
 * the function returns; messages passed out are freed with protobuf-c's *__free_unpacked(message,
 * NULL), unless a callback's comment says that they are lent. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PRISM_API        __attribute__((visibility("default")))
#define PRISM_MUST_CHECK __attribute__((warn_unused_result))

struct uv_loop_s;

/* gRPC's status codes, number for number. */
enum prism_status {
	PRISM_OK = 0,
	PRISM_CANCELLED = 1,
	PRISM_UNKNOWN = 2,
	PRISM_INVALID_ARGUMENT = 3,
	PRISM_DEADLINE_EXCEEDED = 4,
	PRISM_NOT_FOUND = 5,
	PRISM_ALREADY_EXISTS = 6,
	PRISM_PERMISSION_DENIED = 7,
	PRISM_RESOURCE_EXHAUSTED = 8,
	PRISM_FAILED_PRECONDITION = 9,
	PRISM_ABORTED = 10,
	PRISM_OUT_OF_RANGE = 11,
	PRISM_UNIMPLEMENTED = 12,
	PRISM_INTERNAL = 13,
	PRISM_UNAVAILABLE = 14,
	PRISM_DATA_LOSS = 15,
	PRISM_UNAUTHENTICATED = 16,
};

/* "NOT_FOUND". Static. */
PRISM_API const char *prism_status_name(enum prism_status status);

/* Whether a failed call may have been executed. */
enum prism_outcome {
	PRISM_NOT_EXECUTED,    /* nothing happened: safe to send again */
	PRISM_OUTCOME_UNKNOWN, /* it was sent, its fate was not learned: check, or repeat with the
	                          same request_id */
	PRISM_EXECUTED,        /* the server answered (with whatever status) */
};

/* How a call ended. Lent to callbacks; filled in by *_wait. */
struct prism_result {
	enum prism_status status;
	enum prism_outcome outcome;
	char message[1025];   /* for people; "" for OK */
	uint32_t server_us;   /* time in the server; 0: not told */
	uint32_t pushback_ms; /* the server asks to wait this long before trying again; 0: nothing
	                         asked */
};

/* --- channels --------------------------------------------------------------- */

struct prism_channel;

struct prism_channel_options {
	const char *address;  /* "127.0.0.1:7400", "[::1]:7400", "host:7400", "unix:/path"; NULL:
	                         $PRISM_ADDRESS, else 127.0.0.1:7400 */
	const char *key;      /* service key "prk_..."; NULL: read from key_file */
	const char *key_file; /* NULL: $PRISM_KEY_FILE, else none */
	const char *actor; /* user (UUID) on whose behalf calls are made; NULL: $PRISM_ACTOR, else
	                      none */
	const char *agent; /* name of the calling program, for the server's log */
	uint32_t connect_timeout_ms; /* 0: 20,000 */
	uint32_t idle_timeout_ms;    /* closes an unused connection; 0: never */
	uint32_t max_message;        /* largest answer in bytes; 0: 4 MiB */
};

/* Opens a channel; nothing is connected yet. `loop` NULL: blocking, with a private loop.
 * PRISM_INVALID_ARGUMENT: bad address, actor or key; PRISM_NOT_FOUND: key file; `message` (may be
 * NULL) says which. */
PRISM_API PRISM_MUST_CHECK enum prism_status prism_channel_open(
	struct prism_channel **channel, const struct prism_channel_options *options,
	struct uv_loop_s *loop, char message[256]);

/* Ends every call with CANCELLED, closes the connection, frees the channel, then calls closed(ctx)
 * (may be NULL) on the loop. A blocking channel is gone when this returns. NULL is allowed. */
PRISM_API void prism_channel_close(struct prism_channel *channel, void (*closed)(void *ctx),
                                   void *ctx);

/* --- calls ------------------------------------------------------------------- */

struct prism_call_options {
	uint32_t timeout_ms;                   /* 0: the method's default, else 30,000 */
	const char *actor;                     /* overrides the channel's; "": none */
	const char *traceparent;               /* W3C; NULL: none */
	const struct prism_metadata *metadata; /* sent with the call */
	size_t metadata_count;
	bool wait_for_ready; /* wait for a connection until the deadline instead of failing
	                        UNAVAILABLE when connecting fails */
};

struct prism_metadata {
	const char *key; /* [0-9a-z_.-]+ */
	const void *value;
	size_t value_len;
};

enum prism_kind {
	PRISM_UNARY,
	PRISM_SERVER_STREAMING,
	PRISM_CLIENT_STREAMING,
	PRISM_BIDIRECTIONAL
};

/* A method, as generated code knows it. */
struct prism_method {
	const char *path; /* "/prism.v1.StoryService/GetStory" */
	enum prism_kind kind;
	const ProtobufCMessageDescriptor *request, *response;
	uint32_t timeout_ms; /* default deadline; 0: none of its own */
	bool safe;           /* no side effects: may be sent again after a lost connection */
};

struct prism_call;

struct prism_call_handler {
	/* One answer; lent: gone when this returns. Not called after prism_call_cancel(). May be
	 * NULL for no interest. */
	void (*message)(void *ctx, struct prism_call *call, const ProtobufCMessage *message);
	/* The end, exactly once, never before prism_call_start() returned; the call is freed after
	 * it. */
	void (*done)(void *ctx, const struct prism_result *result);
	void *ctx;
};

/* Starts a call of any kind. `request` is the only message of unary and server-streaming calls
 * (sent, and the sending side closed); NULL for the others, which send with prism_call_send().
 * NULL: no memory; then done() is not called. */
PRISM_API PRISM_MUST_CHECK struct prism_call *prism_call_start(
	struct prism_channel *channel, const struct prism_method *method,
	const struct prism_call_options *options, const ProtobufCMessage *request,
	const struct prism_call_handler *handler);

/* Sends one message of a client- or bidirectional-streaming call. False: over 1 MiB is queued
 * already (wait for room), or the call ended. */
PRISM_API PRISM_MUST_CHECK bool prism_call_send(struct prism_call *call,
                                                const ProtobufCMessage *message);

/* No more messages will be sent. */
PRISM_API void prism_call_close_send(struct prism_call *call);

/* Server and bidirectional streaming: stops and resumes message(); while stopped, the server is
 * held back by its credit. */
PRISM_API void prism_call_pause(struct prism_call *call, bool paused);

/* Ends the call; done() follows with CANCELLED. */
PRISM_API void prism_call_cancel(struct prism_call *call);

/* Blocking, unary: the answer (owned by the caller) or NULL. Returns result->status. `result` may
 * be NULL. */
PRISM_API enum prism_status prism_call_wait(struct prism_channel *channel,
                                            const struct prism_method *method,
                                            const struct prism_call_options *options,
                                            const ProtobufCMessage *request,
                                            ProtobufCMessage **response,
                                            struct prism_result *result);

/* Blocking, server streaming. */
struct prism_stream;
PRISM_API PRISM_MUST_CHECK struct prism_stream *prism_stream_open(
	struct prism_channel *channel, const struct prism_method *method,
	const struct prism_call_options *options, const ProtobufCMessage *request);
/* The next answer (owned by the caller), or NULL at the end; prism_stream_close() then tells how it
 * ended. */
PRISM_API ProtobufCMessage *prism_stream_next(struct prism_stream *stream);
/* Ends (cancels, if it has not ended) and frees. Returns the status. `result` may be NULL. */
PRISM_API enum prism_status prism_stream_close(struct prism_stream *stream,
                                               struct prism_result *result);

#ifdef __cplusplus
}
#endif
