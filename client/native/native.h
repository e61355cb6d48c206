/* native - a session that speaks the native framing (PROTOCOL.md): HELLO, streams, credit both
 * ways, GOAWAY. Its parts: native (what a session asks of it), receive and send (frames), paths. */
#pragma once
#include "client/native/paths.h"
#include "client/session.h"

struct native_session {
	struct session session;
	bool versioned;      /* the server's preface came */
	struct hello limits; /* the server's */
	struct flow flow;    /* the connection's */
	struct paths paths;
	struct call_list sending; /* open calls that have something to send, and credit */
	uint32_t acks;            /* answers to pings since the output was last empty */
};

extern const struct protocol native_protocol;

static inline struct native_session *native_of(struct session *session)
{
	return (struct native_session *)session;
}

/* What our HELLO announces. */
enum { FRAME_MOST = 262144 };

/* --- frames in (receive.c) and out (send.c) ------------------------------------------- */

size_t native_receive(struct session *session, struct bytes input, size_t *needed);

void native_write_preface(struct native_session *native);
void native_write_credit(struct native_session *native, uint32_t stream, uint32_t increment);
void native_write_cancel(struct native_session *native, uint32_t stream, enum status code);
void native_write_ping(struct native_session *native, uint8_t flags, const uint8_t opaque[8]);
void native_write_goaway(struct native_session *native, uint8_t flags, enum status code,
                         const char *reason);
void native_write_call(struct native_session *native, struct prism_call *call);

/* Queues a call that has something to send. */
void native_send(struct session *session, struct prism_call *call);

/* Sends from the calls in `sending`, as far as credit and the output's room reach. True: more could
 * be sent. */
bool native_produce(struct session *session);
