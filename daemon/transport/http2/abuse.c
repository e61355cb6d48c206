/* What a peer may not do too often: each has its budget (proto/limits.def) and its fault
 * (fault.def), which is counted. */
#include "daemon/transport/http2/session.h"

enum { CONTROL_FRAMES_PER_DATA = 10 }; /* that a peer may send for each frame of an answer */

void http2_count_ping(struct http2_session *session)
{
	uint64_t now = http2_now_ms(session), before = session->ping_ms;
	session->ping_ms = now;
	if (before == 0 || now - before >= LIMIT_PING_INTERVAL)
		return;
	if (++session->strikes > LIMIT_PING_STRIKES)
		http2_fail(session, FAULT_PINGS);
}

void http2_count_control(struct http2_session *session)
{
	if (!budget_take(&session->control_frames, LIMIT_HTTP2_CONTROL_FRAMES,
	                 LIMIT_HTTP2_CONTROL_FRAME_RATE, http2_now_ms(session)))
		http2_fail(session, FAULT_CONTROL_FRAMES);
}

void http2_count_data(struct http2_session *session, const nghttp2_frame *frame)
{
	bool empty = frame->hd.length == frame->data.padlen;
	if (empty && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
	    !budget_take(&session->empty_frames, LIMIT_HTTP2_EMPTY_FRAMES, LIMIT_HTTP2_EMPTY_FRAMES,
	                 http2_now_ms(session)))
		http2_fail(session, FAULT_EMPTY_FRAMES);
}

/* A list that is too large is refused (request.c) when it was read to its end. Each part of it that
 * is as large as one may be is counted: a few bytes that name what is in the compression table
 * become kilobytes, again and again. */
bool http2_count_header(struct http2_session *session, size_t len)
{
	uint32_t before = session->header_bytes / LIMIT_FRAME_META;
	session->header_bytes += (uint32_t)len;
	for (; before < session->header_bytes / LIMIT_FRAME_META; before++) {
		if (budget_take(&session->large_headers, LIMIT_HTTP2_LARGE_HEADERS,
		                LIMIT_HTTP2_LARGE_HEADER_RATE, http2_now_ms(session)))
			continue;
		http2_fail(session, FAULT_HEADERS);
		return false;
	}
	return true;
}

/* A reset that we sent because the peer made us. */
void http2_count_error(struct http2_session *session, uint32_t code)
{
	bool ours = code == NGHTTP2_NO_ERROR || code == NGHTTP2_CANCEL ||
	            code == NGHTTP2_REFUSED_STREAM || code == NGHTTP2_ENHANCE_YOUR_CALM;
	if (!ours && !budget_take(&session->errors, LIMIT_HTTP2_STREAM_ERRORS,
	                          LIMIT_HTTP2_STREAM_ERROR_RATE, http2_now_ms(session)))
		http2_fail(session, FAULT_STREAM_ERRORS);
}

void http2_count_cancel(struct http2_session *session)
{
	if (!budget_take(&session->resets, LIMIT_CANCELS_WHILE_RUNNING, LIMIT_CANCEL_RATE,
	                 http2_now_ms(session)))
		http2_fail(session, FAULT_RESETS);
}

void http2_count_sent(struct http2_session *session)
{
	struct budget *budget = &session->control_frames;
	session->ping_ms = 0;
	session->strikes = 0;
	budget->used -=
		budget->used < CONTROL_FRAMES_PER_DATA ? budget->used : CONTROL_FRAMES_PER_DATA;
}
