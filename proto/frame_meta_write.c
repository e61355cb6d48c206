/* Encoding of meta blocks: for each its size, then its fields in the same order. Field numbers are
 * below 16, so a tag is one byte. */
#include "proto/frame.h"

enum { VARINT = 0, DELIMITED = 2 };

/* --- fields; zero and empty ones are left out --------------------------------- */

static inline size_t number_size(uint64_t value)
{
	return value ? 1 + varint_size(value) : 0;
}

static inline void number_write(struct writer *writer, uint8_t number, uint64_t value)
{
	if (value == 0)
		return;
	writer_u8(writer, (uint8_t)(number << 3 | VARINT));
	writer_varint(writer, value);
}

static inline size_t delimited_size(size_t len)
{
	return 1 + varint_size(len) + len;
}

static inline void delimited_write(struct writer *writer, uint8_t number, struct bytes bytes)
{
	writer_u8(writer, (uint8_t)(number << 3 | DELIMITED));
	writer_varint(writer, bytes.len);
	writer_bytes(writer, bytes.data, bytes.len);
}

static inline size_t bytes_size(struct bytes bytes)
{
	return bytes.len ? delimited_size(bytes.len) : 0;
}

static inline void bytes_write(struct writer *writer, uint8_t number, struct bytes bytes)
{
	if (bytes.len > 0)
		delimited_write(writer, number, bytes);
}

/* KV {k = 1, v = 2}. */
static size_t entry_len(const struct metadata *entry)
{
	return delimited_size(entry->key.len) + bytes_size(entry->value);
}

size_t metadata_size(const struct metadata *metadata, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += delimited_size(entry_len(&metadata[i]));
	return size;
}

void metadata_write(struct writer *writer, uint8_t field, const struct metadata *metadata,
                    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		writer_u8(writer, (uint8_t)(field << 3 | DELIMITED));
		writer_varint(writer, entry_len(&metadata[i]));
		delimited_write(writer, 1, metadata[i].key);
		bytes_write(writer, 2, metadata[i].value);
	}
}

/* --- HELLO --------------------------------------------------------------------- */

/* A bit set as packed numbers; each is below 32 and thus one byte. */
static size_t codecs_len(uint32_t set)
{
	return (size_t)__builtin_popcount(set);
}

static void codecs_write(struct writer *writer, uint8_t number, uint32_t set)
{
	if (set == 0)
		return;
	writer_u8(writer, (uint8_t)(number << 3 | DELIMITED));
	writer_varint(writer, codecs_len(set));
	for (uint8_t codec = 0; codec < 32; codec++) {
		if (set >> codec & 1)
			writer_u8(writer, codec);
	}
}

size_t hello_size(const struct hello *hello)
{
	return number_size(hello->max_frame) + number_size(hello->max_message) +
	       number_size(hello->max_meta) + number_size(hello->max_streams) +
	       number_size(hello->stream_credit) + number_size(hello->connection_credit) +
	       number_size(hello->max_interned) +
	       (hello->codecs ? delimited_size(codecs_len(hello->codecs)) : 0) +
	       number_size(hello->min_ping_ms) + bytes_size(hello->agent) +
	       bytes_size(hello->token) + number_size(hello->features) + bytes_size(hello->node) +
	       number_size(hello->boot_id);
}

void hello_write(struct writer *writer, const struct hello *hello)
{
	number_write(writer, 1, hello->max_frame);
	number_write(writer, 2, hello->max_message);
	number_write(writer, 3, hello->max_meta);
	number_write(writer, 4, hello->max_streams);
	number_write(writer, 5, hello->stream_credit);
	number_write(writer, 6, hello->connection_credit);
	number_write(writer, 7, hello->max_interned);
	codecs_write(writer, 8, hello->codecs);
	number_write(writer, 9, hello->min_ping_ms);
	bytes_write(writer, 10, hello->agent);
	bytes_write(writer, 11, hello->token);
	number_write(writer, 12, hello->features);
	bytes_write(writer, 13, hello->node);
	number_write(writer, 14, hello->boot_id);
}

/* --- CALL ---------------------------------------------------------------------- */

size_t call_meta_size(const struct call_meta *meta, const struct metadata *metadata, size_t count)
{
	return bytes_size(meta->path) + number_size(meta->path_id) +
	       (meta->has_timeout ? 1 + varint_size(meta->timeout_us) : 0) +
	       bytes_size(meta->trace) + bytes_size(meta->tracestate) +
	       metadata_size(metadata, count) + number_size(meta->codec) +
	       bytes_size(meta->authority) + number_size(meta->attempt) + number_size(meta->accept);
}

void call_meta_write(struct writer *writer, const struct call_meta *meta,
                     const struct metadata *metadata, size_t count)
{
	bytes_write(writer, 1, meta->path);
	number_write(writer, 2, meta->path_id);
	if (meta->has_timeout) {
		writer_u8(writer, 3 << 3 | VARINT);
		writer_varint(writer, meta->timeout_us);
	}
	bytes_write(writer, 4, meta->trace);
	bytes_write(writer, 5, meta->tracestate);
	metadata_write(writer, METADATA_IN_CALL, metadata, count);
	number_write(writer, 7, meta->codec);
	bytes_write(writer, 8, meta->authority);
	number_write(writer, 9, meta->attempt);
	number_write(writer, 12, meta->accept);
}

/* --- HEAD and END --------------------------------------------------------------- */

size_t head_meta_size(const struct head_meta *meta, const struct metadata *metadata, size_t count)
{
	return metadata_size(metadata, count) + number_size(meta->codec);
}

void head_meta_write(struct writer *writer, const struct head_meta *meta,
                     const struct metadata *metadata, size_t count)
{
	metadata_write(writer, METADATA_IN_HEAD, metadata, count);
	number_write(writer, 2, meta->codec);
}

static size_t details_size(const struct bytes *details, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += delimited_size(details[i].len);
	return size;
}

size_t end_meta_size(const struct end_meta *meta, const struct bytes *details, size_t detail_count,
                     const struct metadata *metadata, size_t count)
{
	return number_size(meta->code) + bytes_size(meta->message) +
	       details_size(details, detail_count) + metadata_size(metadata, count) +
	       number_size(meta->retry) + number_size(meta->pushback_ms) + bytes_size(meta->head) +
	       number_size(meta->server_us);
}

void end_meta_write(struct writer *writer, const struct end_meta *meta, const struct bytes *details,
                    size_t detail_count, const struct metadata *metadata, size_t count)
{
	number_write(writer, 1, meta->code);
	bytes_write(writer, 2, meta->message);
	for (size_t i = 0; i < detail_count; i++)
		delimited_write(writer, 3, details[i]);
	metadata_write(writer, METADATA_IN_END, metadata, count);
	number_write(writer, 5, meta->retry);
	number_write(writer, 6, meta->pushback_ms);
	bytes_write(writer, 7, meta->head);
	number_write(writer, 8, meta->server_us);
}

/* --- CANCEL and GOAWAY ----------------------------------------------------------- */

size_t cancel_meta_size(const struct cancel_meta *meta)
{
	return number_size(meta->code) + bytes_size(meta->reason);
}

void cancel_meta_write(struct writer *writer, const struct cancel_meta *meta)
{
	number_write(writer, 1, meta->code);
	bytes_write(writer, 2, meta->reason);
}

size_t goaway_meta_size(const struct goaway_meta *meta)
{
	return number_size(meta->last_stream) + number_size(meta->code) + bytes_size(meta->reason) +
	       number_size(meta->retry_after_ms);
}

void goaway_meta_write(struct writer *writer, const struct goaway_meta *meta)
{
	number_write(writer, 1, meta->last_stream);
	number_write(writer, 2, meta->code);
	bytes_write(writer, 3, meta->reason);
	number_write(writer, 4, meta->retry_after_ms);
}
