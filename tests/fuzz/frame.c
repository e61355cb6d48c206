/* The native framing as a peer may send it: a preface, then frames with their meta blocks. What was
 * decoded is encoded and decoded again: nothing may be lost. */
#include "proto/frame.h"
#include "tests/fuzz/target.h"

enum { BLOCK = 32768, ENTRIES = LIMIT_METADATA_ENTRIES, DETAILS = 9000 };

static uint8_t block[BLOCK];
static struct metadata entries[ENTRIES];
static struct bytes details[DETAILS];

/* The entries of a block that was decoded. */
static size_t collect(struct bytes meta, uint32_t field)
{
	struct metadata_walk walk = {reader_init(meta), field};
	size_t count = 0;
	for (struct metadata entry; metadata_next(&walk, &entry); count++) {
		MUST(count < ENTRIES && entry.key.len > 0);
		entries[count] = entry;
	}
	char key[2] = {(char)(count > 0 ? entries[0].key.data[0] : 'a'), '\0'};
	struct bytes found = metadata_find(meta, field, key);
	MUST(found.len <= meta.len);
	return count;
}

static void hello_again(struct bytes meta)
{
	struct hello first, second, limits = HELLO_START;
	const char *reason = NULL;
	if (!hello_decode(meta, &first, &reason)) {
		MUST(reason);
		return;
	}
	struct writer writer = writer_init(block, BLOCK);
	hello_write(&writer, &first);
	size_t size = hello_size(&first);
	MUST(!writer.failed && writer.at == block + size);
	MUST(hello_decode(bytes_of(block, size), &second, &reason));
	MUST(first.max_frame == second.max_frame && first.codecs == second.codecs);
	MUST(first.features == second.features && first.boot_id == second.boot_id);
	MUST(bytes_equal(first.token, second.token) && bytes_equal(first.node, second.node));
	hello_raise(&limits, &first);
	MUST(limits.max_frame >= LIMIT_FRAME_START && limits.max_frame <= LIMIT_FRAME_MAX);
}

static void call_again(struct bytes meta)
{
	struct call_meta first, second;
	const char *reason = NULL;
	if (!call_meta_decode(meta, &first, &reason)) {
		MUST(reason);
		return;
	}
	size_t count = collect(first.block, METADATA_IN_CALL);
	MUST(count == first.entries);
	struct writer writer = writer_init(block, BLOCK);
	call_meta_write(&writer, &first, entries, count);
	size_t size = call_meta_size(&first, entries, count);
	MUST(!writer.failed && writer.at == block + size);
	MUST(call_meta_decode(bytes_of(block, size), &second, &reason));
	MUST(bytes_equal(first.path, second.path) && first.path_id == second.path_id);
	MUST(first.has_timeout == second.has_timeout && first.timeout_us == second.timeout_us);
	MUST(bytes_equal(first.trace, second.trace) && first.entries == second.entries);
	MUST(bytes_equal(first.tracestate, second.tracestate));
	MUST(bytes_equal(first.authority, second.authority));
	MUST(first.codec == second.codec && first.accept == second.accept);
	MUST(first.attempt == second.attempt);
}

static void head_again(struct bytes meta)
{
	struct head_meta first, second;
	const char *reason = NULL;
	if (!head_meta_decode(meta, &first, &reason)) {
		MUST(reason);
		return;
	}
	size_t count = collect(first.block, METADATA_IN_HEAD);
	struct writer writer = writer_init(block, BLOCK);
	head_meta_write(&writer, &first, entries, count);
	size_t size = head_meta_size(&first, entries, count);
	MUST(!writer.failed && writer.at == block + size);
	MUST(head_meta_decode(bytes_of(block, size), &second, &reason));
	MUST(first.codec == second.codec);
}

static size_t collect_details(struct bytes meta)
{
	struct reader walk = reader_init(meta);
	size_t count = 0;
	while (count < DETAILS && end_meta_next_detail(&walk, &details[count]))
		count++;
	return count;
}

static void end_again(struct bytes meta)
{
	struct end_meta first, second;
	const char *reason = NULL;
	if (!end_meta_decode(meta, &first, &reason)) {
		MUST(reason);
		return;
	}
	head_again(first.head);
	size_t count = collect(first.block, METADATA_IN_END), any = collect_details(meta);
	MUST(any == first.details);
	struct writer writer = writer_init(block, BLOCK);
	end_meta_write(&writer, &first, details, any, entries, count);
	size_t size = end_meta_size(&first, details, any, entries, count);
	MUST(!writer.failed && writer.at == block + size);
	MUST(end_meta_decode(bytes_of(block, size), &second, &reason));
	MUST(first.code == second.code && bytes_equal(first.message, second.message));
	MUST(first.retry == second.retry && first.pushback_ms == second.pushback_ms);
	MUST(first.server_us == second.server_us && first.details == second.details);
	MUST(bytes_equal(first.head, second.head));
}

static void cancel_again(struct bytes meta)
{
	struct cancel_meta first, second;
	const char *reason = NULL;
	if (!cancel_meta_decode(meta, &first, &reason)) {
		MUST(reason);
		return;
	}
	struct writer writer = writer_init(block, BLOCK);
	cancel_meta_write(&writer, &first);
	size_t size = cancel_meta_size(&first);
	MUST(!writer.failed && writer.at == block + size);
	MUST(cancel_meta_decode(bytes_of(block, size), &second, &reason));
	MUST(first.code == second.code && bytes_equal(first.reason, second.reason));
}

static void goaway_again(struct bytes meta)
{
	struct goaway_meta first, second;
	const char *reason = NULL;
	if (!goaway_meta_decode(meta, &first, &reason)) {
		MUST(reason);
		return;
	}
	struct writer writer = writer_init(block, BLOCK);
	goaway_meta_write(&writer, &first);
	size_t size = goaway_meta_size(&first);
	MUST(!writer.failed && writer.at == block + size);
	MUST(goaway_meta_decode(bytes_of(block, size), &second, &reason));
	MUST(first.last_stream == second.last_stream && first.code == second.code);
	MUST(bytes_equal(first.reason, second.reason));
}

typedef void meta_handler(struct bytes meta);

static meta_handler *const handlers[] = {
	[FRAME_HELLO] = hello_again, [FRAME_CALL] = call_again,     [FRAME_HEAD] = head_again,
	[FRAME_END] = end_again,     [FRAME_CANCEL] = cancel_again, [FRAME_GOAWAY] = goaway_again,
};

enum { HANDLERS = sizeof handlers / sizeof *handlers };

static void frames(struct bytes in)
{
	struct frame frame;
	size_t consumed = 0, needed = 0;
	const char *reason = NULL;
	enum decode decoded;
	while ((decoded = frame_decode(in, LIMIT_FRAME_START, &frame, &consumed, &needed,
	                               &reason)) == DECODE_OK) {
		MUST(consumed <= in.len);
		MUST(frame.meta.len + frame.body.len + FRAME_HEADER_SIZE == consumed);
		if (frame.type < HANDLERS && handlers[frame.type])
			handlers[frame.type](frame.meta);
		in = bytes_of(in.data + consumed, in.len - consumed);
	}
	MUST(decoded != DECODE_MALFORMED || reason);
	MUST(decoded != DECODE_INCOMPLETE || needed > in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t min, max;
	const char *reason = NULL;
	struct bytes in = bytes_of(data, len);
	enum decode decoded = preface_decode(in, &min, &max, &reason);
	MUST(decoded != DECODE_OK || (min >= 1 && max >= min));
	MUST(decoded != DECODE_MALFORMED || reason);
	frames(decoded == DECODE_OK ? bytes_of(data + PREFACE_SIZE, len - PREFACE_SIZE) : in);
	/* The same bytes as the meta block of every frame. */
	if (len > LIMIT_FRAME_META)
		return 0;
	for (size_t type = 0; type < HANDLERS; type++) {
		if (handlers[type])
			handlers[type](in);
	}
	return 0;
}
