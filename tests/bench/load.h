/* load - a run of the load generator: many connections on one epoll loop, calls kept in flight on
 * each (closed loop) or started at their times (open loop), latencies and errors counted.
 *
 * In an open loop a call's latency starts when it should have been sent, so a server that stalls
 * pays for the calls that had to wait for it (no coordinated omission). Owns: its connections.
 * Lifetime: load_open() .. load_close(). Thread: one. Units: *_ns are CLOCK_MONOTONIC nanoseconds.
 * Errors: a message; a call that ends with a status other than OK is counted, never a success. */
#pragma once
#include "proto/bytes.h"
#include "proto/flow.h"
#include "proto/frame.h"
#include "tests/bench/report.h"
#include "tests/bench/workload.h"

struct load;
struct connection;

enum { LOAD_MESSAGE_SIZE = 256, LOAD_METADATA_MAX = 16 };

struct load_options {
	const char *address, *method, *token;
	struct metadata metadata[LOAD_METADATA_MAX];
	size_t metadata_count;
	uint32_t connections, in_flight;
	double rate; /* calls/s to start; 0: closed loop */
	uint64_t duration_ns, warmup_ns, timeout_us;
	bool raw;  /* no framing: messages of the workload's size are echoed as bytes */
	bool grpc; /* HTTP/2 instead of the native framing */
	pid_t server, postmaster; /* 0: their CPU is not asked for */
};

/* A call in flight, found by its stream (native, gRPC) or by its turn (raw). */
struct slot {
	uint32_t stream; /* 0: free */
	uint64_t started_ns, asked;
	size_t answered; /* bytes of earlier fragments of the answer */
	bool right;      /* gRPC: the message, which comes before the status */
};

/* How a protocol puts calls on a connection and takes answers from it. */
struct protocol {
	/* What all connections share; before the first is opened. */
	bool (*prepare)(struct load *load);
	/* Blocking, before the load begins. */
	bool (*open)(struct connection *connection, char message[LOAD_MESSAGE_SIZE]);
	/* Room for another call, as far as credit and ids go? */
	bool (*room)(const struct connection *connection);
	/* Appends a call to connection->out. */
	bool (*send)(struct connection *connection, uint64_t started_ns);
	/* Takes the answers that connection->in holds whole. False, with load->message: broken. */
	bool (*receive)(struct connection *connection, uint64_t now_ns);
	/* NULL: nothing to give back. */
	void (*close)(struct connection *connection);
};

extern const struct protocol PROTOCOL_NATIVE, PROTOCOL_GRPC, PROTOCOL_RAW;

struct connection {
	struct load *load;
	int fd;
	bool dirty;        /* on load's list of connections to be written */
	bool wants_output; /* the socket is full: epoll tells when it is not */
	struct buffer in, out;
	uint32_t in_flight;
	struct slot *slots;
	uint32_t next_stream, next_answer; /* raw: turns */
	bool path_sent;
	struct hello limits;
	struct flow flow;                     /* the connection's credit */
	struct nghttp2_hd_inflater *inflater; /* gRPC */
};

enum load_phase { LOAD_WARMUP, LOAD_MEASURE, LOAD_DRAIN, LOAD_ENDED };

struct load {
	struct load_options options;
	struct workload *workload;
	const struct protocol *protocol;
	struct connection *connections, **dirty;
	size_t dirty_count;
	uint32_t slot_mask;
	int epoll;
	enum load_phase phase;
	uint64_t begin_ns, end_ns; /* of the measured time */
	/* the meta or header block of a connection's first call, and of the others */
	struct buffer first_meta, meta;
	/* the open loop */
	uint64_t first_arrival_ns, arrivals;
	uint32_t turn; /* the connection that is next to get a call */
	struct report report;
	char message[LOAD_MESSAGE_SIZE];
};

/* Connects and greets. `load` is zeroed but for options and workload. */
MUST_CHECK
bool load_open(struct load *load);

/* Warm-up, measured time, and, in an open loop, the answers that are still due. */
MUST_CHECK
bool load_run(struct load *load);
void load_close(struct load *load);

/* For protocols: a call ended. `right` is about the answer of an OK. */
void load_answer(struct load *load, const struct slot *slot, uint64_t now_ns, enum status status,
                 struct bytes message, bool right);

/* Where the call of a stream is, or would be. */
static inline struct slot *load_slot(const struct connection *connection, uint32_t stream)
{
	return &connection->slots[stream >> 1 & connection->load->slot_mask];
}

/* The server did what it must not do: false, and load->message says it. */
bool load_broken(struct load *load, const char *what);

/* --- connections ------------------------------------------------------------ */

MUST_CHECK
bool connection_open(struct connection *connection, struct load *load);
void connection_close(struct connection *connection);

/* Puts it on the list of connections that are written at the end of the turn. */
void connection_touch(struct connection *connection);

/* Reads what is there and takes the answers. False: broken, load->message says why. */
MUST_CHECK
bool connection_input(struct connection *connection);

/* Writes what is queued, as far as the socket takes it. */
MUST_CHECK
bool connection_flush(struct connection *connection);

uint64_t now_ns(void);
