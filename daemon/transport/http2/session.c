#include "daemon/transport/http2/session.h"
#include "daemon/transport/http2/output.h"

#include <assert.h>
#include <stdlib.h>

enum {
	OUTPUT_FULL = 262144, /* frames wait in nghttp2 while the socket has this much */
	FIELD_OVERHEAD = 32,
};

static const uint8_t DRAIN_PING[8] = "prismend";

static const struct {
	uint32_t code;
	const char *reason;
} faults[] = {
	[FAULT_NONE] = {NGHTTP2_NO_ERROR, ""},
#define FAULT(name, code, reason) [FAULT_##name] = {NGHTTP2_##code, reason},
#include "daemon/transport/http2/fault.def"
#undef FAULT
};

uint64_t http2_now_ms(const struct http2_session *session)
{
	return uv_now(http2_transport(session)->loop);
}

void http2_check(struct http2_session *session, int result)
{
	if (result == 0)
		return;
	session->connection->broken = true;
	connection_touch(session->connection);
}

/* --- credit and memory ------------------------------------------------------------------------ */

static void settle(struct http2_session *session)
{
	if (session->held > LIMIT_CONNECTION_INPUT || session->owed == 0 ||
	    session->state == HTTP2_ENDED)
		return;
	size_t owed = session->owed;
	session->owed = 0;
	http2_check(session, nghttp2_session_consume_connection(session->nghttp2, owed));
}

void http2_hold(struct http2_session *session, size_t more, size_t less)
{
	session->held = session->held + more - less;
	if (less > 0)
		settle(session);
}

/* --- the end ------------------------------------------------------------------------- */

static void pump(struct http2_session *session)
{
	struct connection *connection = session->connection;
	while (!connection->broken && connection_unsent(connection) < OUTPUT_FULL) {
		const uint8_t *data;
		ssize_t len = nghttp2_session_mem_send(session->nghttp2, &data);
		if (len == 0)
			break;
		uint8_t *room = len > 0 ? connection_reserve(connection, (size_t)len) : NULL;
		if (!room) {
			http2_check(session, NGHTTP2_ERR_NOMEM);
			break;
		}
		memcpy(room, data, (size_t)len);
		connection_wrote(connection, (size_t)len);
	}
}

static void cancel_all(struct http2_session *session)
{
	while (session->streams) {
		struct http2_stream *stream = session->streams;
		struct call *call = stream->call;
		stream->call = NULL;
		http2_stream_close(stream);
		if (call)
			call_cancel(call, STATUS_CANCELLED, true);
	}
}

/* nghttp2 is not asked anything from here on. */
static void end(struct http2_session *session)
{
	session->state = HTTP2_ENDED;
	http2_alive_end(session);
	cancel_all(session);
	connection_finish(session->connection);
}

void http2_fail(struct http2_session *session, enum http2_fault fault)
{
	if (session->fault == FAULT_NONE)
		session->fault = fault;
	connection_touch(session->connection);
}

static void end_with_fault(struct http2_session *session)
{
	struct connection *connection = session->connection;
	const char *reason = faults[session->fault].reason;
	connection->transport->counters.http2_faults[session->fault]++;
	connection->transport->counters.protocol_errors++;
	transport_note(connection->transport, &connection->peer, "closed: %s", reason);
	(void)nghttp2_submit_goaway(session->nghttp2, NGHTTP2_FLAG_NONE,
	                            nghttp2_session_get_last_proc_stream_id(session->nghttp2),
	                            faults[session->fault].code, (const uint8_t *)reason,
	                            strlen(reason));
	pump(session);
	end(session);
}

/* nghttp2 takes requests until the GOAWAY has gone, and then drops those after `last`: the client
 * sends them again elsewhere, so they must not have begun (http2_stream_begin). */
static void say_last(struct http2_session *session, int32_t last, const char *why)
{
	session->state = HTTP2_LAST;
	session->last = last;
	http2_check(session,
	            nghttp2_submit_goaway(session->nghttp2, NGHTTP2_FLAG_NONE, last,
	                                  NGHTTP2_NO_ERROR, (const uint8_t *)why, strlen(why)));
	connection_touch(session->connection);
}

/* From here on only a header block that was begun keeps the phase: the rest of it has to come. */
static void drain_last(struct http2_session *session)
{
	struct connection *connection = session->connection;
	const char *leaving = connection->leaving;
	timeout_clear(&connection->phase);
	if (session->in_headers)
		transport_wait(connection->transport, WAIT_PREFACE, &connection->phase);
	say_last(session, nghttp2_session_get_last_proc_stream_id(session->nghttp2),
	         leaving ? leaving : TRANSPORT_STOPPING);
}

void http2_drain(struct connection *connection)
{
	struct http2_session *session = connection->session;
	if (session->state != HTTP2_OPEN)
		return;
	session->state = HTTP2_DRAINING;
	http2_check(session, nghttp2_submit_shutdown_notice(session->nghttp2));
	transport_wait(connection->transport, WAIT_ACK, &connection->phase);
	connection_touch(connection);
}

/* --- nghttp2 tells ------------------------------------------------------------------- */

static struct http2_stream *stream_of(nghttp2_session *nghttp2, int32_t id)
{
	return nghttp2_session_get_stream_user_data(nghttp2, id);
}

/* Also of frames that nghttp2 then ignores. */
static int on_begin_frame(nghttp2_session *nghttp2, const nghttp2_frame_hd *head, void *ctx)
{
	(void)nghttp2;
	struct http2_session *session = ctx;
	bool is_ack = head->type == NGHTTP2_SETTINGS && head->flags & NGHTTP2_FLAG_ACK;
	if (!is_ack && (head->type == NGHTTP2_SETTINGS || head->type == NGHTTP2_PRIORITY ||
	                head->type == NGHTTP2_WINDOW_UPDATE))
		http2_count_control(session);
	return session->fault == FAULT_NONE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct http2_session *session = ctx;
	session->in_headers = true;
	session->header_bytes = 0;
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct http2_stream *stream = http2_stream_open(session, frame->hd.stream_id);
	session->opening = stream;
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return nghttp2_session_set_stream_user_data(nghttp2, stream->id, stream);
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
	(void)nghttp2;
	(void)flags;
	struct http2_session *session = ctx;
	struct http2_stream *stream = session->opening;
	if (!http2_count_header(session, name_len + value_len + FIELD_OVERHEAD))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (!stream || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	const struct router *router = http2_transport(session)->settings.rpc->router;
	if (request_field(&stream->request, router, bytes_of(name, name_len),
	                  bytes_of(value, value_len)))
		return 0;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void on_settings(struct http2_session *session)
{
	struct connection *connection = session->connection;
	if (session->greeted)
		return;
	session->greeted = true;
	if (session->state == HTTP2_OPEN)
		timeout_clear(&connection->phase);
}

/* gRPC's C core writes an ACK before the headers of streams that it had begun; those have come when
 * a second PING is answered. */
static void on_drain_ack(struct http2_session *session)
{
	if (session->state == HTTP2_DRAINING) {
		session->state = HTTP2_SEEN;
		(void)nghttp2_submit_ping(session->nghttp2, NGHTTP2_FLAG_NONE, DRAIN_PING);
	} else if (session->state == HTTP2_SEEN) {
		session->state = HTTP2_HEARD;
	}
}

static void on_ping(struct http2_session *session, const nghttp2_frame *frame)
{
	if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
		http2_count_ping(session);
	else if (memcmp(frame->ping.opaque_data, DRAIN_PING, sizeof(DRAIN_PING)) == 0)
		on_drain_ack(session);
}

static int on_frame_recv(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct http2_session *session = ctx;
	struct http2_stream *stream = NULL;
	session->in_headers = false;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		stream = stream_of(nghttp2, frame->hd.stream_id);
		if (stream && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			http2_stream_begin(stream);
		break;
	case NGHTTP2_DATA:
		stream = stream_of(nghttp2, frame->hd.stream_id);
		http2_count_data(session, frame);
		break;
	case NGHTTP2_SETTINGS:
		if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
			on_settings(session);
		break;
	case NGHTTP2_PING:
		on_ping(session, frame);
		break;
	default:
		break;
	}
	if (stream && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		http2_stream_ended(stream);
	return session->fault == FAULT_NONE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_invalid_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, int error,
                            void *ctx)
{
	(void)nghttp2;
	(void)frame;
	(void)error;
	struct http2_session *session = ctx;
	session->in_headers = false;
	return 0;
}

static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *ctx)
{
	(void)flags;
	struct http2_session *session = ctx;
	struct http2_stream *stream = stream_of(nghttp2, id);
	session->owed += len;
	if (stream)
		http2_stream_data(stream, bytes_of(data, len));
	settle(session);
	return 0;
}

/* The answer is complete and the peer is still sending: it is told to stop, when the answer has
 * gone (a reset overtakes what is queued). Whoever does not speak gRPC may finish: curl, told to
 * stop, takes that for a failure. */
static void stop_sender(nghttp2_session *nghttp2, const nghttp2_frame *frame)
{
	struct http2_stream *stream = stream_of(nghttp2, frame->hd.stream_id);
	if (!stream || stream->ended)
		return;
	if (!request_is_grpc(&stream->request))
		http2_stream_drain(stream);
	else
		(void)nghttp2_submit_rst_stream(nghttp2, NGHTTP2_FLAG_NONE, stream->id,
		                                NGHTTP2_NO_ERROR);
}

/* nghttp2 found what was wrong, and ends the session. */
static void on_broken_protocol(struct http2_session *session, const nghttp2_goaway *goaway)
{
	struct connection *connection = session->connection;
	connection->transport->counters.protocol_errors++;
	transport_note(connection->transport, &connection->peer, "closed: %s: %.*s",
	               nghttp2_http2_strerror(goaway->error_code), (int)goaway->opaque_data_len,
	               goaway->opaque_data_len ? (const char *)goaway->opaque_data : "");
}

/* The PING is asked for when the notice has gone, as nghttp2 sends PINGs first: its ACK says that
 * the client has seen the notice. */
static void sent_goaway(struct http2_session *session, const nghttp2_goaway *goaway)
{
	if (goaway->error_code != NGHTTP2_NO_ERROR && session->fault == FAULT_NONE)
		on_broken_protocol(session, goaway);
	else if (session->state == HTTP2_DRAINING)
		(void)nghttp2_submit_ping(session->nghttp2, NGHTTP2_FLAG_NONE, DRAIN_PING);
}

static int on_frame_sent(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct http2_session *session = ctx;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		http2_count_sent(session);
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			stop_sender(nghttp2, frame);
		break;
	case NGHTTP2_RST_STREAM:
		http2_count_error(session, frame->rst_stream.error_code);
		break;
	case NGHTTP2_GOAWAY:
		sent_goaway(session, &frame->goaway);
		break;
	default:
		break;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t id, uint32_t code, void *ctx)
{
	(void)code;
	struct http2_session *session = ctx;
	struct http2_stream *stream = stream_of(nghttp2, id);
	if (!stream)
		return 0;
	struct call *call = stream->call;
	stream->call = NULL;
	http2_stream_close(stream);
	if (call) {
		call_cancel(call, STATUS_CANCELLED, false);
		http2_count_cancel(session);
	}
	if (session->stream_count == 0)
		connection_touch(session->connection);
	return 0;
}

/* --- the protocol -------------------------------------------------------------------- */

/* The phase is not for headers: a drain, or a refusal, has its own time. */
static bool phase_is_taken(const struct http2_session *session)
{
	return session->state == HTTP2_DRAINING || session->state == HTTP2_SEEN ||
	       session->state == HTTP2_HEARD || session->connection->refused;
}

static void watch_headers(struct http2_session *session)
{
	struct connection *connection = session->connection;
	if (!session->greeted || phase_is_taken(session))
		return;
	if (!session->in_headers)
		timeout_clear(&connection->phase);
	else if (!timeout_armed(&connection->phase))
		transport_wait(connection->transport, WAIT_PREFACE, &connection->phase);
}

/* nghttp2 gave up without a GOAWAY. */
static void on_hopeless(struct http2_session *session, ssize_t error)
{
	struct connection *connection = session->connection;
	if (session->fault != FAULT_NONE)
		return;
	if (error == NGHTTP2_ERR_FLOODED) {
		http2_fail(session, FAULT_UNREAD_ACKS);
	} else if (error == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
		http2_fail(session, FAULT_CONTINUATIONS);
	} else if (error == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
		connection->transport->counters.unknown++;
		transport_note(connection->transport, &connection->peer,
		               "closed: a preface that is not HTTP/2's");
		end(session);
	} else {
		http2_check(session, (int)error);
	}
}

static size_t http2_receive(struct connection *connection, struct bytes in, size_t *needed)
{
	(void)needed;
	struct http2_session *session = connection->session;
	if (session->fault != FAULT_NONE || connection->broken)
		return in.len; /* nghttp2 lost its way */
	http2_alive_heard(session);
	ssize_t taken = nghttp2_session_mem_recv(session->nghttp2, in.data, in.len);
	if (taken < 0)
		on_hopeless(session, taken);
	else
		watch_headers(session);
	connection_touch(connection);
	return in.len;
}

/* Handlers that wait for room go on when half of it is free: not message by message. */
static void tell_writable(struct http2_session *session)
{
	for (struct http2_stream *stream = session->streams; stream && session->wanting > 0;
	     stream = stream->next) {
		if (!stream->wants_room || !stream->call || !http2_output_has_room(stream, 2))
			continue;
		stream->wants_room = false;
		session->wanting--;
		call_writable(stream->call);
	}
}

/* nghttp2 found a fault of its own, or the last stream is gone. */
static bool is_over(const struct http2_session *session)
{
	bool wants_write = nghttp2_session_want_write(session->nghttp2);
	if (session->state == HTTP2_LAST && session->stream_count == 0 && !wants_write)
		return true;
	return !wants_write && !nghttp2_session_want_read(session->nghttp2);
}

static void http2_produce(struct connection *connection)
{
	struct http2_session *session = connection->session;
	if (session->state == HTTP2_HEARD)
		drain_last(session);
	if (session->fault == FAULT_NONE)
		pump(session);
	if (session->fault != FAULT_NONE) {
		end_with_fault(session);
		return;
	}
	if (session->wanting > 0)
		tell_writable(session);
	if (is_over(session))
		end(session);
}

static void http2_expired(struct connection *connection)
{
	struct http2_session *session = connection->session;
	if (connection->refused) {
		connection_abort(connection);
	} else if (session->state == HTTP2_DRAINING || session->state == HTTP2_SEEN) {
		drain_last(session);
	} else if (!session->greeted) {
		connection->transport->counters.preface_timeouts++;
		http2_fail(session, FAULT_SLOW_SETTINGS);
	} else if (session->in_headers) {
		http2_fail(session, FAULT_SLOW_HEADERS);
	}
}

static void http2_gone(struct connection *connection)
{
	struct http2_session *session = connection->session;
	session->state = HTTP2_ENDED;
	http2_alive_end(session);
	cancel_all(session);
	nghttp2_session_del(session->nghttp2);
	free(session);
}

const struct protocol http2 = {
	.name = "http2",
	.receive = http2_receive,
	.produce = http2_produce,
	.drain = http2_drain,
	.expired = http2_expired,
	.gone = http2_gone,
};

/* --- its beginning ------------------------------------------------------------------- */

static nghttp2_session_callbacks *callbacks_new(void)
{
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	return callbacks;
}

static nghttp2_option *options_new(void)
{
	nghttp2_option *option;
	if (nghttp2_option_new(&option) != 0)
		return NULL;
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	/* Ours is asked first, and says why; nghttp2's default would break honest clients. */
	nghttp2_option_set_stream_reset_rate_limit(option, 2 * LIMIT_CANCELS_WHILE_RUNNING,
	                                           2 * LIMIT_CANCEL_RATE);
	nghttp2_option_set_max_continuations(option, LIMIT_HTTP2_CONTINUATIONS);
	nghttp2_option_set_max_outbound_ack(option, LIMIT_OUTSTANDING_ACKS);
	nghttp2_option_set_max_settings(option, LIMIT_HTTP2_SETTINGS);
	return option;
}

static bool greet(nghttp2_session *nghttp2)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, LIMIT_STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, LIMIT_STREAM_CREDIT},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_FRAME_META},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	return nghttp2_submit_settings(nghttp2, NGHTTP2_FLAG_NONE, settings,
	                               sizeof(settings) / sizeof(*settings)) == 0 &&
	       nghttp2_session_set_local_window_size(nghttp2, NGHTTP2_FLAG_NONE, 0,
	                                             LIMIT_CONNECTION_CREDIT) == 0;
}

static nghttp2_session *nghttp2_open(struct http2_session *session)
{
	struct http2_shared *shared = http2_shared_of(session);
	if (!shared)
		return NULL;
	session->memory = (struct memory_user){&shared->memory, session->connection};
	nghttp2_session *nghttp2 = NULL;
	nghttp2_mem memory = memory_for_nghttp2(&session->memory);
	nghttp2_session_callbacks *callbacks = callbacks_new();
	nghttp2_option *option = options_new();
	bool made = callbacks && option &&
	            nghttp2_session_server_new3(&nghttp2, callbacks, session, option, &memory) == 0;
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	if (made && greet(nghttp2))
		return nghttp2;
	nghttp2_session_del(nghttp2);
	return NULL;
}

/* No stream is served; clients may send their calls elsewhere. */
static void refuse(struct http2_session *session)
{
	say_last(session, 0, CONNECTION_REFUSAL);
}

void http2_begin(struct connection *connection)
{
	struct http2_session *session = calloc(1, sizeof(*session));
	if (session) {
		session->connection = connection;
		session->last = INT32_MAX;
		session->nghttp2 = nghttp2_open(session);
	}
	if (!session || !session->nghttp2) {
		free(session);
		connection->broken = true;
		connection_touch(connection);
		return;
	}
	connection->protocol = &http2;
	connection->peer.transport = http2.name;
	connection->session = session;
	http2_alive_begin(session);
	if (connection->refused)
		refuse(session);
	else if (connection->leaving || connection->transport->draining)
		http2_drain(connection);
	connection_touch(connection);
}
