/* Decoding of meta blocks: a scan over protobuf fields, guided by frame_fields. */
#include "proto/frame_fields.h"
#include "proto/wirecheck.h"

#define NOT_PROTOBUF "the metadata is no well-formed protobuf"

/* --- metadata entries ---------------------------------------------------- */

/* 0-9 a-z _ . - */
static const bool key_character[256] = {
	['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true,
	['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['_'] = true, ['.'] = true,
	['-'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true,
	['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true,
	['l'] = true, ['m'] = true, ['n'] = true, ['o'] = true, ['p'] = true, ['q'] = true,
	['r'] = true, ['s'] = true, ['t'] = true, ['u'] = true, ['v'] = true, ['w'] = true,
	['x'] = true, ['y'] = true, ['z'] = true,
};

static bool key_valid(struct bytes key)
{
	bool valid = key.len > 0;
	for (size_t i = 0; i < key.len; i++)
		valid &= key_character[key.data[i]];
	return valid;
}

/* The form that every encoder writes: key, then value, both below 128 bytes. */
static inline bool entry_read_plain(struct bytes entry, struct metadata *out)
{
	const uint8_t *at = entry.data;
	size_t left = entry.len;
	if (left < 2 || at[0] != 0x0a || at[1] >= 0x80 || at[1] > left - 2)
		return false;
	out->key = bytes_of(at + 2, at[1]);
	left -= out->key.len + 2;
	at += out->key.len + 2;
	if (left < 2 || at[0] != 0x12 || at[1] >= 0x80 || at[1] != left - 2)
		return false;
	out->value = bytes_of(at + 2, at[1]);
	return true;
}

/* KV {k = 1, v = 2}. */
static bool entry_read(struct bytes entry, struct metadata *out)
{
	if (entry_read_plain(entry, out))
		return true;
	struct reader reader = reader_init(entry);
	struct wire_field field;
	struct bytes parts[3] = {{0}};
	while (field_read(&reader, &field)) {
		if (field.number > 2)
			continue;
		if (field.wire != WIRE_DELIMITED || parts[field.number].data)
			return false;
		parts[field.number] = field.bytes;
	}
	if (reader.failed)
		return false;
	*out = (struct metadata){parts[1], parts[2]};
	return true;
}

bool metadata_next(struct metadata_walk *walk, struct metadata *out)
{
	struct wire_field field;
	while (field_read(&walk->reader, &field)) {
		if (field.number == walk->field && field.wire == WIRE_DELIMITED)
			return entry_read(field.bytes, out);
	}
	return false;
}

struct bytes metadata_find(struct bytes block, uint32_t field, const char *key)
{
	struct metadata_walk walk = {reader_init(block), field};
	struct bytes wanted = bytes_of_string(key);
	struct metadata entry;
	while (metadata_next(&walk, &entry)) {
		if (bytes_equal(entry.key, wanted))
			return entry.value;
	}
	return (struct bytes){0};
}

/* --- the scan ------------------------------------------------------------ */

struct scan {
	uint8_t *out;  /* the struct that is filled */
	uint32_t seen; /* bit set of field numbers */
	uint32_t entries;
	const uint8_t *first, *last; /* from the first entry's tag to the last one's end */
};

static void store_u32(struct scan *scan, const struct meta_field *field, uint32_t value)
{
	memcpy(scan->out + field->offset, &value, sizeof value);
}

static void store_u64(struct scan *scan, const struct meta_field *field, uint64_t value)
{
	memcpy(scan->out + field->offset, &value, sizeof value);
}

static bool store_bytes(struct scan *scan, const struct meta_field *field, struct bytes value,
                        bool valid)
{
	memcpy(scan->out + field->offset, &value, sizeof value);
	return valid;
}

static bool printable(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	}
	return true;
}

static bool head_valid(struct bytes meta)
{
	struct head_meta head;
	const char *reason;
	return head_meta_decode(meta, &head, &reason);
}

static void codec_add(struct scan *scan, const struct meta_field *field, uint64_t codec)
{
	uint32_t set;
	memcpy(&set, scan->out + field->offset, sizeof set);
	store_u32(scan, field, codec < 32 ? set | 1U << codec : set);
}

static bool codecs_packed(struct scan *scan, const struct meta_field *field, struct bytes packed)
{
	struct reader reader = reader_init(packed);
	while (reader_left(&reader) > 0)
		codec_add(scan, field, reader_varint(&reader));
	return !reader.failed;
}

static bool entry_add(struct scan *scan, struct bytes entry)
{
	struct metadata metadata;
	scan->entries++;
	return entry_read(entry, &metadata) && key_valid(metadata.key);
}

static void detail_add(struct scan *scan, const struct meta_field *field)
{
	uint32_t count;
	memcpy(&count, scan->out + field->offset, sizeof count);
	store_u32(scan, field, count + 1);
}

/* A number; false when it is not what the field must be. */
static bool scan_number(struct scan *scan, const struct meta_field *field, uint64_t value)
{
	if (field->kind == META_U64 || field->kind == META_TIMEOUT) {
		store_u64(scan, field, value);
		if (field->kind == META_TIMEOUT)
			*(bool *)(scan->out + field->flag) = true;
		return true;
	}
	if (field->kind == META_CODECS) {
		codec_add(scan, field, value);
		return true;
	}
	if (value > UINT32_MAX || (field->kind == META_REFUSED && value > 0))
		return false;
	uint32_t number = (uint32_t)value;
	if (field->kind == META_STATUS)
		number = status_from_number(number);
	if (field->kind == META_RETRY && number > RETRY_NEVER)
		number = RETRY_UNSET;
	if (field->kind != META_REFUSED)
		store_u32(scan, field, number);
	return true;
}

static bool scan_bytes(struct scan *scan, const struct meta_field *field, struct bytes value)
{
	switch ((int)field->kind) {
	case META_TEXT:
		return store_bytes(scan, field, value, utf8_valid(value));
	case META_PRINTABLE:
		return store_bytes(scan, field, value, printable(value));
	case META_RAW:
		return store_bytes(scan, field, value, true);
	case META_HEAD:
		return store_bytes(scan, field, value, head_valid(value));
	case META_ENTRY:
		return entry_add(scan, value);
	case META_DETAIL:
		detail_add(scan, field);
		return true;
	default:
		return codecs_packed(scan, field, value);
	}
}

/* Bit sets over enum meta_kind. */
enum {
	IS_NUMBER = 1 << META_U32 | 1 << META_U64 | 1 << META_TIMEOUT | 1 << META_STATUS |
	            1 << META_RETRY | 1 << META_CODECS | 1 << META_REFUSED,
	IS_BYTES = 1 << META_TEXT | 1 << META_PRINTABLE | 1 << META_RAW | 1 << META_HEAD |
	           1 << META_ENTRY | 1 << META_DETAIL | 1 << META_CODECS,
	IS_REPEATED = 1 << META_ENTRY | 1 << META_DETAIL | 1 << META_CODECS,
};

/* One known field. NULL, or what is wrong. */
static inline const char *scan_field(struct scan *scan, const struct meta_field *field,
                                     const struct wire_field *wire)
{
	uint32_t kind = 1U << field->kind, bit = 1U << wire->number;
	if ((scan->seen & bit) && !(kind & IS_REPEATED))
		return field->twice;
	scan->seen |= bit;
	bool good;
	if (wire->wire == WIRE_VARINT && (kind & IS_NUMBER))
		good = scan_number(scan, field, wire->value);
	else if (wire->wire == WIRE_DELIMITED && (kind & IS_BYTES))
		good = scan_bytes(scan, field, wire->bytes);
	else
		return field->wrong;
	return good ? NULL : field->bad;
}

static const char *scan_block(struct scan *scan, const struct meta_shape *shape, struct bytes meta)
{
	struct reader reader = reader_init(meta);
	struct wire_field wire = {0};
	const uint8_t *start = reader.at;
	for (; field_read(&reader, &wire); start = reader.at) {
		const struct meta_field *field = &shape->fields[wire.number % META_FIELDS];
		if (wire.number >= META_FIELDS || field->kind == META_NONE)
			continue;
		const char *fault = scan_field(scan, field, &wire);
		if (fault)
			return fault;
		if (field->kind == META_ENTRY) {
			scan->first = scan->first ? scan->first : start;
			scan->last = reader.at;
		}
	}
	if (reader.failed)
		return NOT_PROTOBUF;
	return scan->entries <= LIMIT_METADATA_ENTRIES ? NULL : "more than 100 metadata entries";
}

_Static_assert(LIMIT_METADATA_ENTRIES == 100, "scan_block names the limit");

/* The part of a meta block that holds its metadata entries. */
static struct bytes scan_entries(const struct scan *scan)
{
	return scan->first ? bytes_of(scan->first, (size_t)(scan->last - scan->first))
	                   : (struct bytes){0};
}

/* --- one decoder each ---------------------------------------------------- */

bool hello_decode(struct bytes meta, struct hello *out, const char **reason)
{
	struct hello hello = {0};
	struct scan scan = {.out = (uint8_t *)&hello};
	const char *fault = scan_block(&scan, &HELLO_SHAPE, meta);
	if (!fault && hello.token.len > LIMIT_TOKEN)
		fault = "Hello.token must have at most 512 bytes";
	if (fault) {
		*reason = fault;
		return false;
	}
	*out = hello;
	return true;
}

_Static_assert(LIMIT_TOKEN == 512, "hello_decode names the limit");
_Static_assert(LIMIT_PATH == 256, "call_fault names the limit");

static const char *call_fault(const struct call_meta *call)
{
	if (call->path.len == 0 && call->path_id == 0)
		return "CallMeta has neither path nor path_id";
	if (call->path.len > LIMIT_PATH)
		return "CallMeta.path must have at most 256 bytes";
	if (call->trace.len != 0 && call->trace.len != 25)
		return "CallMeta.trace must have 25 bytes: trace-id, parent-id, flags";
	return NULL;
}

bool call_meta_decode(struct bytes meta, struct call_meta *out, const char **reason)
{
	struct call_meta call = {0};
	struct scan scan = {.out = (uint8_t *)&call};
	const char *fault = scan_block(&scan, &CALL_SHAPE, meta);
	if (!fault)
		fault = call_fault(&call);
	if (fault) {
		*reason = fault;
		return false;
	}
	call.entries = scan.entries;
	call.block = scan_entries(&scan);
	*out = call;
	return true;
}

bool head_meta_decode(struct bytes meta, struct head_meta *out, const char **reason)
{
	struct head_meta head = {0};
	struct scan scan = {.out = (uint8_t *)&head};
	const char *fault = scan_block(&scan, &HEAD_SHAPE, meta);
	if (fault) {
		*reason = fault;
		return false;
	}
	head.block = scan_entries(&scan);
	*out = head;
	return true;
}

bool end_meta_decode(struct bytes meta, struct end_meta *out, const char **reason)
{
	struct end_meta end = {0};
	struct scan scan = {.out = (uint8_t *)&end};
	const char *fault = scan_block(&scan, &END_SHAPE, meta);
	if (fault) {
		*reason = fault;
		return false;
	}
	end.block = scan_entries(&scan);
	*out = end;
	return true;
}

/* The first field `number` of a message; empty if there is none. */
static struct bytes member_of(struct bytes message, uint32_t number)
{
	struct reader reader = reader_init(message);
	struct wire_field field;
	while (field_read(&reader, &field))
		if (field.number == number && field.wire == WIRE_DELIMITED)
			return field.bytes;
	return (struct bytes){0};
}

static bool is_type(struct bytes any, const char *url)
{
	struct bytes type = member_of(any, 1);
	return type.len == strlen(url) && memcmp(type.data, url, type.len) == 0;
}

static struct bytes text_in(struct bytes bytes)
{
	return utf8_valid(bytes) ? bytes : (struct bytes){0};
}

void end_meta_cause(struct bytes meta, struct bytes *reason, struct bytes *violated)
{
	struct reader walk = reader_init(meta);
	struct bytes any;
	*reason = *violated = (struct bytes){0};
	while (end_meta_next_detail(&walk, &any)) {
		struct bytes value = member_of(any, 2);
		if (is_type(any, "type.googleapis.com/google.rpc.ErrorInfo"))
			*reason = text_in(member_of(value, 1));
		else if (is_type(any, "type.googleapis.com/google.rpc.BadRequest"))
			*violated = text_in(member_of(member_of(value, 1), 1));
	}
}

bool end_meta_next_detail(struct reader *walk, struct bytes *any)
{
	struct wire_field field;
	while (field_read(walk, &field)) {
		if (field.number != 3 || field.wire != WIRE_DELIMITED)
			continue;
		*any = field.bytes;
		return true;
	}
	return false;
}

bool cancel_meta_decode(struct bytes meta, struct cancel_meta *out, const char **reason)
{
	struct cancel_meta cancel = {0};
	struct scan scan = {.out = (uint8_t *)&cancel};
	const char *fault = scan_block(&scan, &CANCEL_SHAPE, meta);
	if (cancel.code == STATUS_OK)
		cancel.code = STATUS_CANCELLED; /* left out: somebody changed their mind */
	if (!fault && cancel.code != STATUS_CANCELLED && cancel.code != STATUS_DEADLINE_EXCEEDED)
		fault = "CancelMeta.code must be 1 (cancelled) or 4 (deadline exceeded)";
	if (fault) {
		*reason = fault;
		return false;
	}
	*out = cancel;
	return true;
}

bool goaway_meta_decode(struct bytes meta, struct goaway_meta *out, const char **reason)
{
	struct goaway_meta goaway = {0};
	struct scan scan = {.out = (uint8_t *)&goaway};
	const char *fault = scan_block(&scan, &GOAWAY_SHAPE, meta);
	if (!fault && goaway.last_stream > FRAME_STREAM_MAX)
		fault = "GoawayMeta.last_stream must be below 2^31";
	if (fault) {
		*reason = fault;
		return false;
	}
	*out = goaway;
	return true;
}

/* --- HELLO's limits ------------------------------------------------------ */

static void raise_to(uint32_t *limit, uint32_t told, uint32_t most)
{
	if (told > most)
		told = most;
	if (told > *limit)
		*limit = told;
}

void hello_raise(struct hello *limits, const struct hello *told)
{
	raise_to(&limits->max_frame, told->max_frame, LIMIT_FRAME_MAX);
	raise_to(&limits->max_message, told->max_message, INT32_MAX);
	raise_to(&limits->max_meta, told->max_meta, UINT16_MAX);
	raise_to(&limits->max_streams, told->max_streams, FRAME_STREAM_MAX);
	raise_to(&limits->stream_credit, told->stream_credit, INT32_MAX);
	raise_to(&limits->connection_credit, told->connection_credit, INT32_MAX);
	raise_to(&limits->max_interned, told->max_interned, INT32_MAX);
	raise_to(&limits->min_ping_ms, told->min_ping_ms, INT32_MAX);
	limits->codecs |= told->codecs;
	limits->features = told->features;
	limits->boot_id = told->boot_id;
}
