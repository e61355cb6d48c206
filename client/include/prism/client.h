/* prism/client.h - libprism, the client library of PRISM.
 *
 * A channel is a connection to a PRISM daemon that connects on first use, reconnects with back-off,
 * and multiplexes calls. There are two ways to use it: on a libuv loop of yours,
 * prism_channel_open(..., loop): calls end in callbacks on that loop; or blocking,
 * prism_channel_open(..., NULL): the *_wait functions run a private loop until the call has ended.
 * Generated stubs (protoc-gen-prism-c) give each method a typed function of both kinds; what
 * follows is what they are made of.
 *
 * Thread: a channel and its calls belong to one thread. No signal handler is installed; SIGPIPE is
 * never raised.
 * Units: *_ms milliseconds, *_us microseconds.
 * Ownership: strings and messages passed in are copied or packed before the function returns; a
 * `struct prism_method` outlives the calls that name it; messages passed out are freed with
 * protobuf-c's *__free_unpacked(message, NULL), unless a callback's comment says that they are
 * lent. Errors: every call ends with a struct prism_result. What the library itself reports:
 *   INVALID_ARGUMENT     a request of another type than the method's, bad metadata, actor or
 *                        traceparent: NOT_EXECUTED, message says which
 *   UNAVAILABLE          no connection could be made (NOT_EXECUTED), or it was lost after the call
 *                        was sent (OUTCOME_UNKNOWN; NOT_EXECUTED if the method only reads, or if
 *                        the request had not left completely)
 *   DEADLINE_EXCEEDED, CANCELLED   as above: OUTCOME_UNKNOWN once sent, else NOT_EXECUTED
 *   RESOURCE_EXHAUSTED   the request is larger than the server takes, the answer larger than
 *                        max_message, or no memory
 *   INTERNAL             the server's answer was malformed; the connection is closed too
 *
 * What is safe to send again is sent again by itself, the same bytes, within the call's deadline
 * and never after prism_call_cancel(): see struct prism_retry. */
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

/* "NOT_FOUND"; "STATUS_?" for a number that is none. Static. */
PRISM_API const char *prism_status_name(enum prism_status status);

/* The library's version, "0.1.0". Static. */
PRISM_API const char *prism_version(void);

/* Whether a failed call may have been executed. */
enum prism_outcome {
	PRISM_NOT_EXECUTED,    /* nothing happened: safe to send again */
	PRISM_OUTCOME_UNKNOWN, /* it was sent, its fate was not learned: check, or repeat with the
	                          same request_id */
	PRISM_EXECUTED,        /* the server answered (with whatever status) */
};

enum { PRISM_REASON_SIZE = 48, PRISM_FIELD_SIZE = 128, PRISM_UUID_SIZE = 37 };

/* How a call ended. Lent to callbacks; filled in by *_wait. */
struct prism_result {
	enum prism_status status;
	enum prism_outcome outcome;
	char message[1025];             /* for people, UTF-8; "" for OK */
	char reason[PRISM_REASON_SIZE]; /* for programs: "VERSION_STALE", a constant of
	                                   PROTOCOL.md's table; "": the status says it all */
	char field[PRISM_FIELD_SIZE];   /* the field of the request that was at fault,
	                                   "stories[3].title"; "": none in particular */
	uint32_t server_us;             /* time in the server; 0: not told */
	uint32_t attempts; /* how often it was sent; what follows a lost attempt of unknown outcome
	                      and is not OK leaves OUTCOME_UNKNOWN */
	uint32_t pushback_ms; /* the server asks to wait this long before trying again; 0: nothing
	                         asked */
	char request_id[PRISM_UUID_SIZE]; /* what a KEYED request that came without was given: to
	                                     repeat the call with; "": nothing was given */
};

/* --- channels --------------------------------------------------------------- */

struct prism_channel;

/* How often, and after which pauses, a call that failed is sent again (as gRPC's retry design has
 * it: https://github.com/grpc/proposal/blob/master/A6-client-retries.md).
 *
 * Sent again is what ended UNAVAILABLE with NOT_EXECUTED, of every method, or with OUTCOME_UNKNOWN
 * if the method may be executed twice (PRISM_READ, PRISM_IDEMPOTENT, PRISM_KEYED); and what the
 * server refused as safe to repeat. Not sent again are a call with messages of its own that left
 * (client streaming, bidirectional), one whose first answer was given out, one whose next turn
 * would come after its deadline, and one for which the channel has no token left. A pause that the
 * server asks for takes the place of the back-off.
 * A call that has been sent once waits while the channel connects again; each attempt to connect
 * that fails counts as one of the call's, unless wait_for_ready is set.
 * Beside that, whatever is set here: a call that did not leave completely before its connection was
 * lost goes to the next one, up to 4 times (with wait_for_ready as often as needed). */
struct prism_retry {
	uint32_t max_attempts;     /* in all; 1: it is sent once; 0: 4; at most 100 */
	uint32_t first_backoff_ms; /* before the second attempt; 0: 100; at most an hour. By 1.6
	                              longer before each further one, and all a fifth more or less
	                              by chance */
	uint32_t max_backoff_ms;   /* 0: 5,000; at most an hour */
};

/* What a channel speaks. A PRISM daemon takes both, on the same port. */
enum prism_protocol {
	PRISM_NATIVE, /* the framing of PROTOCOL.md */
	PRISM_GRPC,   /* gRPC over HTTP/2, without TLS; so the server may be any server of gRPC */
};

struct prism_channel_options {
	enum prism_protocol protocol;
	const char *address;  /* "127.0.0.1:7400", "[::1]:7400", "host:7400" (7400 when the port is
	                         left out), "unix:/path"; NULL: $PRISM_ADDRESS, else
	                         127.0.0.1:7400 */
	const char *key;      /* service key "prk_..."; NULL: read from key_file */
	const char *key_file; /* NULL: $PRISM_KEY_FILE, else none */
	const char *actor; /* user (UUID) on whose behalf calls are made; NULL: $PRISM_ACTOR, else
	                      none */
	const char *agent; /* name of the calling program, for the server's log; NULL: none */
	uint32_t connect_timeout_ms; /* until the server has said HELLO; 0: 20,000 */
	uint32_t idle_timeout_ms;    /* closes an unused connection; 0: never */
	uint32_t keepalive_ms; /* a server that says nothing for so long while calls run is asked by
	                          a PING whether it is there; 0: never; else at least 10,000 */
	uint32_t keepalive_timeout_ms; /* without an answer for so long its connection is lost; 0:
	                                  20,000 */
	uint32_t max_message;          /* largest answer in bytes; 0: 4 MiB */
	struct prism_retry retry;      /* of its calls */
	uint32_t retry_tokens;  /* each retry costs one; so many there are at first, and at most. 0:
	                           1,000; at most 1,000,000 */
	uint32_t retry_percent; /* of a token that a call which ends OK earns; 0: 10; at most 100 */
};

/* Opens a channel; nothing is connected yet. `options` NULL: all defaults. `loop` NULL: blocking,
 * with a private loop. A channel without calls does not keep the loop running, and neither does its
 * idle connection.
 * Errors: INVALID_ARGUMENT: bad protocol, keepalive, address, key, actor or retry; NOT_FOUND: no
 * such key file; PERMISSION_DENIED: the key file cannot be read; RESOURCE_EXHAUSTED: no memory or
 * descriptors. `message` (may be NULL) says which; *channel is written only when PRISM_OK is
 * returned. */
PRISM_API PRISM_MUST_CHECK enum prism_status prism_channel_open(
	struct prism_channel **channel, const struct prism_channel_options *options,
	struct uv_loop_s *loop, char message[256]);

/* Ends every call with CANCELLED, closes the connection, frees the channel, then calls closed(ctx)
 * (may be NULL) on the loop, which must run until then. A blocking channel is gone when this
 * returns. NULL is allowed. Calls cannot be started any more. */
PRISM_API void prism_channel_close(struct prism_channel *channel, void (*closed)(void *ctx),
                                   void *ctx);

/* Blocking: connects if need be, and measures one round trip of the protocol's PING. Returns
 * result->status; `result` may be NULL; *round_trip_us (may be NULL) is written only on OK.
 * timeout_ms 0: 30,000. The server counts more than one ping a second as abuse.
 * Errors: as a call's, FAILED_PRECONDITION as prism_call_wait()'s. */
PRISM_API enum prism_status prism_ping_wait(struct prism_channel *channel, uint32_t timeout_ms,
                                            uint64_t *round_trip_us, struct prism_result *result);

/* --- calls ------------------------------------------------------------------- */

#define PRISM_NO_TIMEOUT UINT32_MAX

struct prism_call_options {
	uint32_t timeout_ms;     /* 0: the method's default, else 30,000; or PRISM_NO_TIMEOUT */
	const char *actor;       /* overrides the channel's; "": none */
	const char *traceparent; /* W3C, "00-...-...-01"; NULL: none */
	const struct prism_metadata *metadata; /* sent with the call */
	size_t metadata_count;                 /* at most 99, with their values 7,800 bytes */
	bool wait_for_ready; /* wait for a connection until the deadline instead of failing
	                        UNAVAILABLE when connecting fails */
	const struct prism_retry *retry; /* NULL: the channel's; so is what is 0 in it */
	struct prism_response_metadata *response_metadata; /* to be filled; NULL: no interest */
	bool compress; /* PRISM_GRPC: send messages as gzip where that makes them shorter; a server
	                  that does not read it ends the call UNIMPLEMENTED. Not for secrets beside
	                  what others chose: the length tells of them. PRISM_NATIVE: as if false */
};

/* One entry of a call's metadata, or of an answer's. What is sent with a call: the key is
 * [0-9a-z_.-]+, does not begin with "grpc-", and is not x-prism-actor (the actor has an option of
 * its own). Over PRISM_GRPC a key of HTTP's own ("content-type") is refused, and a value is
 * printable ASCII without spaces at its ends, unless its key ends in "-bin". */
struct prism_metadata {
	const char *key;
	const void *value; /* bytes; of an answer's entry a 0 follows, which is not counted */
	size_t value_len;
};

/* What a server says beside its answers: initial metadata, before the first of them, and trailing
 * metadata, with the end. An option of a call; another one may have it from done() on.
 *
 * Each part has at most 100 entries and 8,192 bytes of keys and values, in the server's order;
 * keys may come more than once. Keys are lower case; values of keys that end in "-bin" are
 * binary, and no base64. What the protocol itself says (keys that begin with "grpc-" or ':',
 * content-type, prism-outcome) is not in it.
 * Ownership: the caller's. Freeing it is safe at any time: a call that has it keeps it until its
 * end. Thread: the channel's.
 * Errors: a call whose server says more than that ends RESOURCE_EXHAUSTED; one that is given what
 * another call has, which has not ended, INVALID_ARGUMENT. */
struct prism_response_metadata;

/* Empty. NULL: no memory. */
PRISM_API PRISM_MUST_CHECK struct prism_response_metadata *prism_response_metadata_new(void);

/* NULL is allowed. */
PRISM_API void prism_response_metadata_free(struct prism_response_metadata *metadata);

/* What came of the last attempt of the call that it was given to last: the initial part can be seen
 * from initial() or the first message() on, if not from done(); the trailing part from done() on,
 * or the return of the blocking function that ends the call. Until then it is empty. *count entries
 * (0: the server said nothing), which live until it is freed or given to another call. */
PRISM_API const struct prism_metadata *prism_response_metadata_initial(
	const struct prism_response_metadata *metadata, size_t *count);
PRISM_API const struct prism_metadata *prism_response_metadata_trailing(
	const struct prism_response_metadata *metadata, size_t *count);

/* The first entry with this key; NULL: there is none. */
PRISM_API const struct prism_metadata *prism_metadata_find(const struct prism_metadata *list,
                                                           size_t count, const char *key);

enum prism_kind {
	PRISM_UNARY,
	PRISM_SERVER_STREAMING,
	PRISM_CLIENT_STREAMING,
	PRISM_BIDIRECTIONAL
};

/* What it does to execute a call twice: the option `idempotency` of prism/options.proto. */
enum prism_idempotency {
	PRISM_IDEMPOTENCY_UNSPECIFIED, /* something else than once */
	PRISM_READ,                    /* nothing: it has no side effects */
	PRISM_IDEMPOTENT,              /* what it does to execute it once */
	PRISM_KEYED, /* the same, for requests with the same request_id; one that has none is given
	                one when it is sent */
};

/* A method, as generated code knows it. */
struct prism_method {
	const char *path; /* "/prism.v1.StoryService/GetStory" */
	enum prism_kind kind;
	const ProtobufCMessageDescriptor *request, *response;
	uint32_t timeout_ms; /* default deadline; 0: none of its own */
	enum prism_idempotency idempotency;
};

struct prism_call;

struct prism_call_handler {
	/* One answer; lent: gone when this returns. Not called after prism_call_cancel(). May be
	 * NULL for no interest. The answer of unary and client-streaming calls comes only when
	 * they end with OK, right before done(), and is lent until done() returns. */
	void (*message)(void *ctx, struct prism_call *call, const ProtobufCMessage *message);
	/* The end, exactly once, never before prism_call_start() returned; the call is freed after
	 * it. May be NULL. */
	void (*done)(void *ctx, const struct prism_result *result);
	void *ctx;
	/* prism_call_send() had no room; there is some again, or the call takes no more. May be
	 * NULL. */
	void (*writable)(void *ctx, struct prism_call *call);
	/* The server's initial metadata has come: prism_response_metadata_initial() has it. Once at
	 * most, before the first message(); not if the call ends without an answer and without any.
	 * The call is not sent again by itself after that. May be NULL. */
	void (*initial)(void *ctx, struct prism_call *call);
};

/* Starts a call of any kind. `request` is the only message of unary and server-streaming calls
 * (sent, and the sending side closed); NULL for the others, which send with prism_call_send().
 * `options` NULL: all defaults; `handler` NULL: no interest. On a blocking channel the call makes
 * progress while a *_wait or prism_stream_* function runs.
 * Errors: NULL: no memory, or the channel is being closed; then done() is not called. Everything
 * else comes with done(). */
PRISM_API PRISM_MUST_CHECK struct prism_call *prism_call_start(
	struct prism_channel *channel, const struct prism_method *method,
	const struct prism_call_options *options, const ProtobufCMessage *request,
	const struct prism_call_handler *handler);

/* Sends one message of a client- or bidirectional-streaming call.
 * False: over 1 MiB is queued already (writable() tells when there is room), or the call has ended,
 * was cancelled or closed for sending. A message of another type, or larger than the server takes,
 * ends the call: done() says so. */
PRISM_API PRISM_MUST_CHECK bool prism_call_send(struct prism_call *call,
                                                const ProtobufCMessage *message);

/* Of a call with the option `compress`: whether messages that are sent from now on are compressed.
 * Does nothing to another one. */
PRISM_API void prism_call_compress(struct prism_call *call, bool compress);

/* No more messages will be sent. Does nothing when that was said before. */
PRISM_API void prism_call_close_send(struct prism_call *call);

/* Stops and resumes message(); while stopped, the server is held back by its credit, and a call
 * that ended meanwhile tells its end after its last message. */
PRISM_API void prism_call_pause(struct prism_call *call, bool paused);

/* Ends the call; done() follows with CANCELLED (not from within this function). Does nothing when
 * done() is already on its way with an error of its own. */
PRISM_API void prism_call_cancel(struct prism_call *call);

/* Blocking, unary: the answer (owned by the caller) in *response, NULL unless PRISM_OK. `response`
 * NULL: no interest. Returns result->status. `result` may be NULL.
 * Errors: FAILED_PRECONDITION: the channel runs on a loop of yours, or this was called from within
 * a callback of the same channel; INVALID_ARGUMENT: the method is not unary; else the call's. */
PRISM_API enum prism_status prism_call_wait(struct prism_channel *channel,
                                            const struct prism_method *method,
                                            const struct prism_call_options *options,
                                            const ProtobufCMessage *request,
                                            ProtobufCMessage **response,
                                            struct prism_result *result);

/* Blocking, of every kind but unary. `request`: as prism_call_start(). NULL: no memory; every other
 * error is told by prism_stream_close(), with prism_call_wait()'s meanings. Close it before its
 * channel. */
struct prism_stream;
PRISM_API PRISM_MUST_CHECK struct prism_stream *prism_stream_open(
	struct prism_channel *channel, const struct prism_method *method,
	const struct prism_call_options *options, const ProtobufCMessage *request);
/* Sends one message of a client- or bidirectional-streaming call, once there is room for it.
 * Answers are not taken meanwhile: a server that answers before it reads on may hold it up, until
 * the call's deadline. False: as prism_call_send() when the call has ended, or is ended by the
 * message; prism_stream_close() tells why. */
PRISM_API PRISM_MUST_CHECK bool prism_stream_send(struct prism_stream *stream,
                                                  const ProtobufCMessage *message);
/* As prism_call_compress(). */
PRISM_API void prism_stream_compress(struct prism_stream *stream, bool compress);
/* No more messages will be sent; this is said when the stream's next function waits. */
PRISM_API void prism_stream_close_send(struct prism_stream *stream);
/* For client streaming: no more messages will be sent; waits for the end, and frees. *response
 * (`response` may be NULL) is the answer, owned by the caller, NULL unless PRISM_OK. Else as
 * prism_stream_close(). */
PRISM_API enum prism_status prism_stream_finish(struct prism_stream *stream,
                                                ProtobufCMessage **response,
                                                struct prism_result *result);
/* The next answer (owned by the caller), or NULL at the end; prism_stream_close() then tells how it
 * ended. */
PRISM_API PRISM_MUST_CHECK ProtobufCMessage *prism_stream_next(struct prism_stream *stream);
/* Waits until the server's initial metadata has come, which may be long before the first answer,
 * and not before the server has seen a message: prism_response_metadata_initial() has it then, and
 * the call is not sent again by itself any more.
 * False: the call has ended without an answer and without any. */
PRISM_API PRISM_MUST_CHECK bool prism_stream_wait_initial(struct prism_stream *stream);
/* Ends (cancels, if it has not ended) and frees. Returns the status. `result` may be NULL. NULL is
 * allowed: RESOURCE_EXHAUSTED. */
PRISM_API enum prism_status prism_stream_close(struct prism_stream *stream,
                                               struct prism_result *result);

#ifdef __cplusplus
}
#endif
