/* gzip - one message compressed, or decompressed up to a limit (RFC 1952).
 *
 * Owns: zlib's states, made when first needed and kept: 40 KiB to decompress, 260 KiB to compress.
 * Thread: one at a time. */
#pragma once
#include "proto/bytes.h"

struct gzip;

enum gzip_result {
	GZIP_OK,
	GZIP_MALFORMED, /* not gzip, cut short, a wrong checksum, or something after its end */
	GZIP_TOO_LARGE, /* more than `most` bytes come out */
	GZIP_NO_MEMORY,
};

/* NULL: no memory. */
MUST_CHECK
struct gzip *gzip_new(void);
void gzip_free(struct gzip *gzip);

/* Appends what `data` says to `out`, which is unchanged unless OK. Stops as soon as `most` is
 * exceeded, however much would follow. */
MUST_CHECK
enum gzip_result gzip_inflate(struct gzip *gzip, struct bytes data, size_t most,
                              struct buffer *out);

/* Appends `data` compressed, if that is shorter than it; false: it is not, or no memory. */
MUST_CHECK
bool gzip_deflate(struct gzip *gzip, struct bytes data, struct buffer *out);
