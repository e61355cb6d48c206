/* Compressing and decompressing take turns, and JSON: a few bytes of gzip become megabytes, and all
 * of a worker's connections wait meanwhile. What is above a turn's share waits, first come, first
 * served, and its credit with it. One message is done however large it is; the turns after it pay
 * for it. */
#include "daemon/transport/http2/session.h"

bool http2_coding_may(const struct http2_stream *stream)
{
	const struct http2_shared *shared = http2_transport(stream->session)->http2;
	return shared->coded < LIMIT_TURN_CODING && (!shared->coding_first || stream->coding_now);
}

void http2_coding_count(struct http2_stream *stream, size_t len)
{
	http2_transport(stream->session)->http2->coded += len;
}

void http2_coding_wait(struct http2_stream *stream)
{
	struct http2_shared *shared = http2_transport(stream->session)->http2;
	stream->coding_waits = true;
	stream->coding_next = NULL;
	stream->coding_prev = shared->coding_last;
	if (shared->coding_last)
		shared->coding_last->coding_next = stream;
	else
		shared->coding_first = stream;
	shared->coding_last = stream;
}

void http2_coding_forget(struct http2_stream *stream)
{
	struct http2_shared *shared = http2_transport(stream->session)->http2;
	if (!stream->coding_waits)
		return;
	stream->coding_waits = false;
	if (stream->coding_prev)
		stream->coding_prev->coding_next = stream->coding_next;
	else
		shared->coding_first = stream->coding_next;
	if (stream->coding_next)
		stream->coding_next->coding_prev = stream->coding_prev;
	else
		shared->coding_last = stream->coding_prev;
}

bool http2_coding_turn(struct transport *transport)
{
	struct http2_shared *shared = transport->http2;
	if (!shared)
		return false;
	while (shared->coding_first && shared->coded < LIMIT_TURN_CODING) {
		struct http2_stream *stream = shared->coding_first;
		http2_coding_forget(stream);
		stream->coding_now = true;
		http2_stream_go_on(stream);
		stream->coding_now = false;
	}
	shared->coded -= shared->coded < LIMIT_TURN_CODING ? shared->coded : LIMIT_TURN_CODING;
	return shared->coding_first != NULL;
}
