#include "proto/gzip.h"

#include <stdlib.h>
#include <zlib.h>

enum {
	GZIP_WINDOW = 15 + 16, /* zlib's way to say: gzip, not zlib */
	MEMORY_LEVEL = 8,
	LEVEL = 1, /* a few times faster than the default, for a few per cent more bytes */
	ROOM_FIRST = 4096,
};

struct gzip {
	z_stream inflating, deflating;
	bool can_inflate, can_deflate;
};

struct gzip *gzip_new(void)
{
	return calloc(1, sizeof(struct gzip));
}

void gzip_free(struct gzip *gzip)
{
	if (!gzip)
		return;
	if (gzip->can_inflate)
		inflateEnd(&gzip->inflating);
	if (gzip->can_deflate)
		deflateEnd(&gzip->deflating);
	free(gzip);
}

static bool inflate_ready(struct gzip *gzip)
{
	if (gzip->can_inflate)
		return inflateReset(&gzip->inflating) == Z_OK;
	gzip->can_inflate = inflateInit2(&gzip->inflating, GZIP_WINDOW) == Z_OK;
	return gzip->can_inflate;
}

/* How much room the next step gets: twice as much as there is, but at most one byte too many. */
static size_t step(size_t done, size_t most)
{
	size_t room = done < ROOM_FIRST ? ROOM_FIRST : done;
	return room > most - done ? most - done + 1 : room;
}

static enum gzip_result inflate_all(z_stream *stream, size_t most, struct buffer *out)
{
	size_t done = 0;
	for (;;) {
		size_t room = step(done, most);
		uint8_t *to = buffer_reserve(out, room);
		if (!to)
			return GZIP_NO_MEMORY;
		stream->next_out = to;
		stream->avail_out = (uInt)room;
		int result = inflate(stream, Z_NO_FLUSH);
		size_t came = room - stream->avail_out;
		out->end += came;
		done += came;
		if (done > most)
			return GZIP_TOO_LARGE;
		if (result == Z_STREAM_END)
			return stream->avail_in == 0 ? GZIP_OK : GZIP_MALFORMED;
		if (result == Z_MEM_ERROR)
			return GZIP_NO_MEMORY;
		if (result != Z_OK || (stream->avail_in == 0 && stream->avail_out > 0))
			return GZIP_MALFORMED;
	}
}

enum gzip_result gzip_inflate(struct gzip *gzip, struct bytes data, size_t most, struct buffer *out)
{
	if (!inflate_ready(gzip))
		return GZIP_NO_MEMORY;
	z_stream *stream = &gzip->inflating;
	stream->next_in = (Bytef *)data.data;
	stream->avail_in = (uInt)data.len;
	size_t before = buffer_len(out);
	enum gzip_result result = inflate_all(stream, most, out);
	if (result != GZIP_OK)
		out->end = out->start + before;
	return result;
}

static bool deflate_ready(struct gzip *gzip)
{
	if (gzip->can_deflate)
		return deflateReset(&gzip->deflating) == Z_OK;
	gzip->can_deflate = deflateInit2(&gzip->deflating, LEVEL, Z_DEFLATED, GZIP_WINDOW,
	                                 MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
	return gzip->can_deflate;
}

bool gzip_deflate(struct gzip *gzip, struct bytes data, struct buffer *out)
{
	if (data.len == 0 || !deflate_ready(gzip))
		return false;
	uint8_t *to = buffer_reserve(out, data.len);
	if (!to)
		return false;
	z_stream *stream = &gzip->deflating;
	stream->next_in = (Bytef *)data.data;
	stream->avail_in = (uInt)data.len;
	stream->next_out = to;
	stream->avail_out = (uInt)data.len;
	if (deflate(stream, Z_FINISH) != Z_STREAM_END)
		return false;
	out->end += data.len - stream->avail_out;
	return true;
}
