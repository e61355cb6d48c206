#include "daemon/transport/http2/stream.h"

#include "daemon/transport/http2/session.h"

#include <assert.h>
#include <stdlib.h>

enum {
	SPARE_STREAMS = 1024,
	KEPT_STORAGE = 4096, /* bytes that a buffer of a spare stream may keep */
	KEPT_SCRATCH = 65536,
};

static struct http2_stream *stream_get(struct http2_shared *shared)
{
	struct http2_stream *stream = shared->spare;
	if (!stream)
		return calloc(1, sizeof(*stream));
	shared->spare = stream->next;
	shared->spare_count--;
	return stream;
}

static void keep_small(struct buffer *buffer)
{
	buffer->start = buffer->end = 0;
	if (buffer->capacity > KEPT_STORAGE)
		buffer_deinit(buffer);
}

static void stream_free(struct http2_stream *stream)
{
	buffer_deinit(&stream->input);
	buffer_deinit(&stream->output);
	buffer_deinit(&stream->trailers);
	buffer_deinit(&stream->request.metadata);
	free(stream);
}

static void stream_put(struct http2_shared *shared, struct http2_stream *stream)
{
	if (shared->spare_count >= SPARE_STREAMS) {
		stream_free(stream);
		return;
	}
	keep_small(&stream->input);
	keep_small(&stream->output);
	keep_small(&stream->trailers);
	keep_small(&stream->request.metadata);
	stream->next = shared->spare;
	shared->spare = stream;
	shared->spare_count++;
}

struct http2_stream *http2_stream_open(struct http2_session *session, int32_t id)
{
	struct http2_shared *shared = http2_shared_of(session);
	struct http2_stream *stream = shared ? stream_get(shared) : NULL;
	if (!stream)
		return NULL;
	memset(stream, 0, offsetof(struct http2_stream, stall));
	request_init(&stream->request);
	stream->id = id;
	stream->session = session;
	stream->next = session->streams;
	if (stream->next)
		stream->next->prev = stream;
	session->streams = stream;
	session->stream_count++;
	connection_busy(session->connection);
	return stream;
}

void http2_stream_close(struct http2_stream *stream)
{
	struct http2_session *session = stream->session;
	assert(!stream->call);
	if (session->opening == stream)
		session->opening = NULL;
	timeout_clear(&stream->stall);
	http2_coding_forget(stream);
	session->waiting -= buffer_len(&stream->output);
	http2_hold(session, 0, stream->held + buffer_len(&stream->input));
	if (stream->wants_room)
		session->wanting--;
	if (stream->prev)
		stream->prev->next = stream->next;
	else
		session->streams = stream->next;
	if (stream->next)
		stream->next->prev = stream->prev;
	session->stream_count--;
	if (session->stream_count == 0)
		connection_idle(session->connection);
	stream_put(http2_transport(session)->http2, stream);
}

/* --- what connections share ---------------------------------------------------------------- */

struct http2_shared *http2_shared_of(struct http2_session *session)
{
	struct transport *transport = http2_transport(session);
	if (transport->http2)
		return transport->http2;
	struct http2_shared *shared = calloc(1, sizeof(*shared));
	struct gzip *gzip = gzip_new();
	if (!shared || !gzip || !memory_init(&shared->memory)) {
		free(shared);
		gzip_free(gzip);
		return NULL;
	}
	shared->gzip = gzip;
	transport->http2 = shared;
	return shared;
}

void http2_scratch_done(struct http2_shared *shared)
{
	shared->scratch.start = shared->scratch.end = 0;
	if (shared->scratch.capacity > KEPT_SCRATCH)
		buffer_deinit(&shared->scratch);
}

void http2_shared_free(struct http2_shared *shared)
{
	if (!shared)
		return;
	while (shared->spare) {
		struct http2_stream *first = shared->spare;
		shared->spare = first->next;
		stream_free(first);
	}
	buffer_deinit(&shared->scratch);
	memory_deinit(&shared->memory);
	gzip_free(shared->gzip);
	free(shared);
}
