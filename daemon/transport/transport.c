#include "daemon/transport/transport.h"
#include "daemon/transport/connection.h"
#include "daemon/transport/http2/http2.h"
#include "daemon/transport/listener.h"
#include "daemon/transport/native.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACCEPT_RETRY_MS = 100, NOTE_SIZE = 512 };

static uint32_t or_default(uint32_t value, uint32_t preset)
{
	return value ? value : preset;
}

/* Of HTTP/2 alone. */
static void http2_waits_init(struct timeout_list *waits, const struct transport_settings *settings)
{
	waits[WAIT_HTTP2_STREAM] = (struct timeout_list){.after_ms = waits[WAIT_WRITE].after_ms,
	                                                 .expired = http2_stream_stalled};
	waits[WAIT_HTTP2_KEEPALIVE] = (struct timeout_list){.after_ms = settings->keepalive_ms,
	                                                    .expired = http2_keepalive_due};
	waits[WAIT_HTTP2_PONG] =
		(struct timeout_list){.after_ms = settings->pong_ms, .expired = http2_pong_missed};
}

/* Often enough against what is watched for, and no more; 0: nothing is. */
static uint32_t watch_ms(const struct transport_settings *settings)
{
	uint32_t all_ms[] = {settings->idle_ms, settings->age_ms,
	                     settings->age_ms > 0 ? settings->grace_ms : 0};
	uint32_t least_ms = 0;
	for (size_t i = 0; i < sizeof(all_ms) / sizeof(*all_ms); i++)
		if (all_ms[i] > 0 && (least_ms == 0 || all_ms[i] < least_ms))
			least_ms = all_ms[i];
	return least_ms > 0 ? least_ms / 16 + 1 : 0;
}

void transport_init(struct transport *transport, uv_loop_t *loop,
                    const struct transport_settings *settings)
{
	memset(transport, 0, offsetof(struct transport, read_buffer));
	transport->loop = loop;
	transport->settings = *settings;
	struct transport_settings *ours = &transport->settings;
	ours->connection_limit = or_default(ours->connection_limit, LIMIT_CONNECTIONS);
	struct timeout_list *waits = transport->waits;
	waits[WAIT_PREFACE] =
		(struct timeout_list){.after_ms = or_default(ours->preface_ms, LIMIT_PREFACE),
	                              .expired = connection_phase_expired};
	waits[WAIT_IDLE] = (struct timeout_list){.after_ms = TRANSPORT_IDLE_MS,
	                                         .expired = connection_phase_expired};
	waits[WAIT_ACK] = (struct timeout_list){.after_ms = TRANSPORT_ACK_MS,
	                                        .expired = connection_phase_expired};
	waits[WAIT_LINGER] = (struct timeout_list){.after_ms = TRANSPORT_LINGER_MS,
	                                           .expired = connection_phase_expired};
	waits[WAIT_UNIT] =
		(struct timeout_list){.after_ms = or_default(ours->unit_ms, LIMIT_FRAME_TIME),
	                              .expired = connection_unit_expired};
	waits[WAIT_WATCH] =
		(struct timeout_list){.after_ms = watch_ms(ours), .expired = connection_watched};
	waits[WAIT_WRITE] = (struct timeout_list){
		.after_ms = or_default(ours->write_stall_ms, LIMIT_WRITE_STALL),
		.expired = connection_write_stalled};
	waits[WAIT_STREAM] = (struct timeout_list){.after_ms = waits[WAIT_WRITE].after_ms,
	                                           .expired = native_stream_stalled};
	http2_waits_init(waits, ours);
	waits[WAIT_ACCEPT] =
		(struct timeout_list){.after_ms = ACCEPT_RETRY_MS, .expired = listener_retry};
	timeouts_init(&transport->timeouts, loop, waits, WAIT_COUNT);
}

bool transport_flush(struct transport *transport)
{
	bool more = http2_coding_turn(transport);
	while (transport->dirty) {
		struct connection *first = transport->dirty;
		transport->dirty = first->next_dirty;
		first->dirty = false;
		connection_flush(first);
	}
	return more || transport->settings.rpc->ready_first != NULL;
}

void transport_drain(struct transport *transport)
{
	struct connection *next;
	transport->draining = true;
	for (struct connection *at = transport->connections; at; at = next) {
		next = at->next;
		connection_drain(at, TRANSPORT_STOPPING);
	}
}

void transport_abort(struct transport *transport)
{
	struct connection *next;
	transport->draining = true;
	for (struct connection *at = transport->connections; at; at = next) {
		next = at->next;
		connection_abort(at);
	}
}

void transport_accept_failed(struct transport *transport, int error)
{
	transport->counters.accept_failures++;
	transport_note(transport, NULL, "a connection could not be accepted: %s",
	               uv_strerror(error));
}

void transport_note(struct transport *transport, const struct peer *peer, const char *format, ...)
{
	if (!transport->settings.note)
		return;
	char message[NOTE_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	transport->settings.note(transport->settings.ctx, peer, message);
}

struct buffer transport_buffer_get(struct transport *transport)
{
	if (transport->spare_count == 0)
		return (struct buffer){0};
	return transport->spare[--transport->spare_count];
}

void transport_buffer_put(struct transport *transport, struct buffer *buffer)
{
	if (transport->spare_count == TRANSPORT_SPARE_BUFFERS || !buffer->data ||
	    buffer->capacity > TRANSPORT_SPARE_BUFFER_MAX) {
		buffer_deinit(buffer);
		return;
	}
	buffer->start = buffer->end = 0;
	transport->spare[transport->spare_count++] = *buffer;
	*buffer = (struct buffer){0};
}

void transport_close(struct transport *transport)
{
	assert(transport->connection_count == 0 && !transport->dirty);
	timeouts_close(&transport->timeouts);
}

void transport_deinit(struct transport *transport)
{
	while (transport->spare_count > 0)
		buffer_deinit(&transport->spare[--transport->spare_count]);
	native_drop_spare(transport);
	http2_shared_free(transport->http2);
}
