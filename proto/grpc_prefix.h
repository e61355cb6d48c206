/* grpc_prefix - the five bytes in front of each message of gRPC over HTTP/2, and of Connect's
 * streams.
 *
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 * ("Length-Prefixed-Message"); for the flag of gRPC-Web's trailers
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md; of the end of Connect's streams
 * https://connectrpc.com/docs/protocol ("Streaming RPCs"). */
#pragma once
#include "proto/reader.h"
#include "proto/writer.h"

enum { GRPC_PREFIX_SIZE = 5 };
enum { GRPC_FLAG_COMPRESSED = 1, GRPC_FLAG_TRAILERS = 0x80, CONNECT_FLAG_END = 2 };

struct grpc_prefix {
	uint8_t flag; /* GRPC_FLAG_COMPRESSED or 0 in a message that is well-formed */
	uint32_t len; /* of the message as it is sent */
};

static inline struct grpc_prefix grpc_prefix_read(const uint8_t in[GRPC_PREFIX_SIZE])
{
	struct reader reader = reader_init(bytes_of(in, GRPC_PREFIX_SIZE));
	struct grpc_prefix prefix;
	prefix.flag = reader_u8(&reader);
	prefix.len = reader_u32(&reader);
	return prefix;
}

static inline void grpc_prefix_write(uint8_t out[GRPC_PREFIX_SIZE], uint8_t flag, size_t len)
{
	struct writer writer = writer_init(out, GRPC_PREFIX_SIZE);
	writer_u8(&writer, flag);
	writer_u32(&writer, (uint32_t)len);
}
