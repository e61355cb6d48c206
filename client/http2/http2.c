#include "client/http2/http2.h"
#include "client/http2/status.h"

#include "client/channel.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	OUTPUT_ROOM = 262144,        /* frames wait in nghttp2 when so much is unwritten */
	STREAMS_START = 100,         /* before the server's SETTINGS */
	KEEPALIVE_MOST_MS = 1 << 30, /* that is doubled */
};

static const char NO_MEMORY[] = "no memory for HTTP/2";

void http2_check(struct http2_session *http2, int result)
{
	if (result != 0)
		session_lost(&http2->session, NO_MEMORY);
}

/* --- nghttp2 tells: within receive() and produce() ------------------------------------------ */

static struct prism_call *call_of(struct session *session, int32_t id)
{
	return id > 0 ? streams_find(&session->streams, (uint32_t)id) : NULL;
}

/* Nothing more is wanted of nghttp2 once a callback has ended the session. */
static int go_on(const struct session *session)
{
	return session->state == SESSION_CLOSED ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
	(void)nghttp2, (void)flags;
	struct prism_call *call = call_of(ctx, frame->hd.stream_id);
	if (call)
		http2_answer_field(call, bytes_of(name, name_len), bytes_of(value, value_len),
		                   frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	return 0;
}

/* The credit of the connection is returned on receipt: a call that does not take its messages holds
 * up no other. */
static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *ctx)
{
	(void)flags;
	struct http2_session *http2 = ctx;
	struct prism_call *call = call_of(&http2->session, id);
	if (nghttp2_session_consume_connection(nghttp2, len) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (call)
		http2_answer_data(http2, call, bytes_of(data, len));
	return go_on(&http2->session);
}

/* A server that counts our PINGs as abuse is asked half as often. */
static void calm_down(struct session *session, const nghttp2_goaway *goaway)
{
	static const char WORDS[] = "too_many_pings";
	uint32_t *keepalive_ms = &session->channel->settings.keepalive_ms;
	struct bytes said = bytes_of(goaway->opaque_data, goaway->opaque_data_len);
	if (goaway->error_code == NGHTTP2_ENHANCE_YOUR_CALM && bytes_equal_string(said, WORDS) &&
	    *keepalive_ms < KEEPALIVE_MOST_MS)
		*keepalive_ms *= 2;
}

static void on_goaway(struct session *session, const nghttp2_goaway *goaway)
{
	struct goodbye goodbye = {
		.last_stream = (uint32_t)goaway->last_stream_id,
		.reason = bytes_of(goaway->opaque_data, goaway->opaque_data_len),
	};
	goodbye.code = status_of_goaway(goaway->error_code, &goodbye.retry_after_ms);
	if (goodbye.reason.len == 0 && goaway->error_code != NGHTTP2_NO_ERROR)
		goodbye.reason = bytes_of_string(nghttp2_http2_strerror(goaway->error_code));
	calm_down(session, goaway);
	session_goaway(session, &goodbye);
}

static void on_pong(struct session *session, const nghttp2_ping *ping)
{
	uint64_t number;
	memcpy(&number, ping->opaque_data, sizeof number);
	session_pong(session, (uint32_t)number);
}

static int on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	(void)nghttp2;
	struct http2_session *http2 = ctx;
	struct session *session = &http2->session;
	struct prism_call *call = call_of(session, frame->hd.stream_id);
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	if (frame->hd.type == NGHTTP2_HEADERS && call)
		http2_answer_headers(http2, call, ends);
	else if (frame->hd.type == NGHTTP2_DATA && call && ends)
		http2_answer_cut(http2, call);
	else if (frame->hd.type == NGHTTP2_RST_STREAM && call)
		call->stream.http2->reset = true;
	else if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
		session_ready(session);
	else if (frame->hd.type == NGHTTP2_GOAWAY)
		on_goaway(session, &frame->goaway);
	else if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK)
		on_pong(session, &frame->ping);
	return go_on(session);
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t id, uint32_t code, void *ctx)
{
	(void)nghttp2;
	struct http2_session *http2 = ctx;
	struct prism_call *call = call_of(&http2->session, id);
	if (call)
		http2_answer_closed(http2, call, code);
	return go_on(&http2->session);
}

/* A unary call may be executed when its request has gone, another one from its headers on. */
static bool commits(const nghttp2_frame_hd *head, const struct prism_call *call)
{
	return head->flags & NGHTTP2_FLAG_END_STREAM ||
	       (head->type == NGHTTP2_HEADERS && call_streams_requests(call));
}

/* nghttp2 ends the session by itself when the server breaks the protocol. */
static int on_sent(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	(void)nghttp2;
	struct http2_session *http2 = ctx;
	struct prism_call *call = call_of(&http2->session, frame->hd.stream_id);
	const nghttp2_goaway *goaway = &frame->goaway;
	if (call && commits(&frame->hd, call))
		http2->committed = call->stream.id;
	if (frame->hd.type == NGHTTP2_GOAWAY && goaway->error_code != NGHTTP2_NO_ERROR &&
	    !*http2->fault)
		snprintf(http2->fault, sizeof http2->fault, "%s%s%.*s",
		         nghttp2_http2_strerror(goaway->error_code),
		         goaway->opaque_data_len ? ": " : "", (int)goaway->opaque_data_len,
		         goaway->opaque_data_len ? (const char *)goaway->opaque_data : "");
	return 0;
}

static int on_error(nghttp2_session *nghttp2, int error, const char *text, size_t len, void *ctx)
{
	(void)nghttp2, (void)text, (void)len;
	struct session *session = ctx;
	session->strange |= error == NGHTTP2_ERR_SETTINGS_EXPECTED;
	return 0;
}

/* --- what a session asks -------------------------------------------------------------------- */

static size_t http2_receive(struct session *session, struct bytes input, size_t *needed)
{
	struct http2_session *http2 = http2_of(session);
	(void)needed;
	ssize_t used = nghttp2_session_mem_recv(http2->nghttp2, input.data, input.len);
	turn_mark(&session->channel->turn);
	if (used < 0 && session->state != SESSION_CLOSED)
		session_lost(session, nghttp2_strerror((int)used));
	return input.len;
}

static bool http2_has_room(const struct session *session, const struct prism_call *call)
{
	const struct http2_session *http2 = (const struct http2_session *)session;
	uint32_t most = STREAMS_START;
	(void)call;
	if (session->state != SESSION_GREETING)
		most = nghttp2_session_get_remote_settings(http2->nghttp2,
		                                           NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	return session->streams.count < most;
}

static void http2_open(struct session *session, struct prism_call *call)
{
	struct http2_session *http2 = http2_of(session);
	call->stream.http2 = calloc(1, sizeof *call->stream.http2);
	http2_check(http2, call->stream.http2 ? http2_submit_call(http2, call) : NGHTTP2_ERR_NOMEM);
}

static void http2_send(struct session *session, struct prism_call *call)
{
	struct http2_session *http2 = http2_of(session);
	if (!call->stream.http2->deferred)
		return;
	call->stream.http2->deferred = false;
	http2_check(http2, nghttp2_session_resume_data(http2->nghttp2, (int32_t)call->stream.id));
}

static void http2_drop(struct session *session, struct prism_call *call, enum status status)
{
	struct http2_session *http2 = http2_of(session);
	http2_stream_free(call->stream.http2);
	call->stream.http2 = NULL;
	if (status != STATUS_OK && session->state != SESSION_CLOSED)
		http2_check(http2,
		            nghttp2_submit_rst_stream(http2->nghttp2, NGHTTP2_FLAG_NONE,
		                                      (int32_t)call->stream.id, NGHTTP2_CANCEL));
}

static void http2_credit(struct session *session, struct prism_call *call, size_t taken)
{
	struct http2_session *http2 = http2_of(session);
	http2_check(http2, nghttp2_session_consume_stream(http2->nghttp2, (int32_t)call->stream.id,
	                                                  taken));
	turn_mark(&session->channel->turn);
}

static void http2_ping(struct session *session, uint32_t number)
{
	struct http2_session *http2 = http2_of(session);
	uint64_t opaque = number;
	uint8_t body[sizeof opaque];
	memcpy(body, &opaque, sizeof body);
	http2_check(http2, nghttp2_submit_ping(http2->nghttp2, NGHTTP2_FLAG_NONE, body));
	turn_mark(&session->channel->turn);
}

static void commit(struct http2_session *http2)
{
	struct prism_call *call = call_of(&http2->session, (int32_t)http2->committed);
	if (call && call->stream.committed_at == UINT64_MAX)
		call->stream.committed_at = connection_appended(&http2->session.connection);
	http2->committed = 0;
}

static bool http2_produce(struct session *session)
{
	struct http2_session *http2 = http2_of(session);
	while (buffer_len(&session->connection.out) < OUTPUT_ROOM) {
		const uint8_t *frame;
		ssize_t len = nghttp2_session_mem_send(http2->nghttp2, &frame);
		if (session->state == SESSION_CLOSED)
			return false;
		if (len < 0 || !buffer_append(&session->connection.out, frame, (size_t)len)) {
			session_lost(session, NO_MEMORY);
			return false;
		}
		commit(http2);
		if (len == 0)
			break;
	}
	if (!*http2->fault)
		return buffer_len(&session->connection.out) >= OUTPUT_ROOM;
	connection_write(&session->connection);
	session_lost(session, http2->fault);
	return false;
}

static void http2_written(struct session *session)
{
	(void)session;
}

static void http2_complain(struct session *session, const char *reason)
{
	struct http2_session *http2 = http2_of(session);
	(void)nghttp2_submit_goaway(http2->nghttp2, NGHTTP2_FLAG_NONE, 0, NGHTTP2_PROTOCOL_ERROR,
	                            (const uint8_t *)reason, strlen(reason));
}

static void http2_deinit(struct session *session)
{
	nghttp2_session_del(http2_of(session)->nghttp2);
}

/* --- its beginning -------------------------------------------------------------------------- */

static nghttp2_session_callbacks *callbacks_new(void)
{
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
	return callbacks;
}

static nghttp2_option *options_new(void)
{
	nghttp2_option *option;
	if (nghttp2_option_new(&option) != 0)
		return NULL;
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_continuations(option, LIMIT_HTTP2_CONTINUATIONS);
	nghttp2_option_set_max_outbound_ack(option, LIMIT_OUTSTANDING_ACKS);
	nghttp2_option_set_max_settings(option, LIMIT_HTTP2_SETTINGS);
	return option;
}

static bool greet(nghttp2_session *nghttp2)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, LIMIT_STREAM_CREDIT},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_FRAME_META},
	};
	return nghttp2_submit_settings(nghttp2, NGHTTP2_FLAG_NONE, settings,
	                               sizeof settings / sizeof *settings) == 0 &&
	       nghttp2_session_set_local_window_size(nghttp2, NGHTTP2_FLAG_NONE, 0,
	                                             LIMIT_CONNECTION_CREDIT) == 0;
}

static void http2_begin(struct session *session)
{
	struct http2_session *http2 = http2_of(session);
	nghttp2_session_callbacks *callbacks = callbacks_new();
	nghttp2_option *option = options_new();
	bool made = callbacks && option &&
	            nghttp2_session_client_new2(&http2->nghttp2, callbacks, session, option) == 0;
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	if (!made || !greet(http2->nghttp2))
		session_lost(session, NO_MEMORY);
	turn_mark(&session->channel->turn);
}

const struct protocol http2_protocol = {
	.name = "HTTP/2",
	.greeting = "SETTINGS",
	.size = sizeof(struct http2_session),
	.max_message = UINT32_MAX,
	.strict = false,
	.begin = http2_begin,
	.receive = http2_receive,
	.has_room = http2_has_room,
	.open = http2_open,
	.send = http2_send,
	.drop = http2_drop,
	.credit = http2_credit,
	.ping = http2_ping,
	.produce = http2_produce,
	.written = http2_written,
	.complain = http2_complain,
	.deinit = http2_deinit,
};
