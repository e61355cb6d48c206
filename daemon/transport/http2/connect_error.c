#include "daemon/transport/http2/connect.h"

#include "proto/base64.h"
#include "proto/reader.h"

#include <stdio.h>

enum { ANY_TYPE = 10, ANY_VALUE = 18 }; /* keys of the fields of google.protobuf.Any */

static const struct {
	const char *code, *http_status;
} forms[STATUS_COUNT] = {
	[STATUS_OK] = {"ok", "200"},
	[STATUS_CANCELLED] = {"canceled", "499"},
	[STATUS_UNKNOWN] = {"unknown", "500"},
	[STATUS_INVALID_ARGUMENT] = {"invalid_argument", "400"},
	[STATUS_DEADLINE_EXCEEDED] = {"deadline_exceeded", "504"},
	[STATUS_NOT_FOUND] = {"not_found", "404"},
	[STATUS_ALREADY_EXISTS] = {"already_exists", "409"},
	[STATUS_PERMISSION_DENIED] = {"permission_denied", "403"},
	[STATUS_RESOURCE_EXHAUSTED] = {"resource_exhausted", "429"},
	[STATUS_FAILED_PRECONDITION] = {"failed_precondition", "400"},
	[STATUS_ABORTED] = {"aborted", "409"},
	[STATUS_OUT_OF_RANGE] = {"out_of_range", "400"},
	[STATUS_UNIMPLEMENTED] = {"unimplemented", "501"},
	[STATUS_INTERNAL] = {"internal", "500"},
	[STATUS_UNAVAILABLE] = {"unavailable", "503"},
	[STATUS_DATA_LOSS] = {"data_loss", "500"},
	[STATUS_UNAUTHENTICATED] = {"unauthenticated", "401"},
};

const char *connect_http_status(enum status status)
{
	return forms[status].http_status;
}

static bool put(struct buffer *out, const char *text)
{
	return buffer_append(out, text, strlen(text));
}

/* `text` is UTF-8. */
static bool put_string(struct buffer *out, struct bytes text)
{
	bool good = put(out, "\"");
	for (size_t i = 0; good && i < text.len; i++) {
		char escape[8];
		uint8_t c = text.data[i];
		if (c == '"' || c == '\\') {
			snprintf(escape, sizeof(escape), "\\%c", c);
			good = put(out, escape);
		} else if (c < ' ') {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			good = put(out, escape);
		} else {
			good = buffer_append(out, &c, 1);
		}
	}
	return good && put(out, "\"");
}

static bool put_base64(struct buffer *out, struct bytes data)
{
	char *room = (char *)buffer_reserve(out, base64_text_len(data.len) + 1);
	if (!room)
		return false;
	out->end += grpc_binary_write(data, room);
	return true;
}

/* Its type is what follows the last '/'. */
static bool put_detail(struct buffer *out, struct bytes any)
{
	struct reader reader = reader_init(any);
	struct bytes type = {NULL, 0}, value = {NULL, 0};
	while (reader_left(&reader) > 0) {
		uint64_t key = reader_varint(&reader);
		struct bytes part = reader_delimited(&reader);
		if (key == ANY_TYPE)
			type = part;
		else if (key == ANY_VALUE)
			value = part;
	}
	for (size_t i = type.len; i-- > 0;) {
		if (type.data[i] != '/')
			continue;
		type = bytes_of(type.data + i + 1, type.len - i - 1);
		break;
	}
	return put(out, "{\"type\":") && put_string(out, type) && put(out, ",\"value\":\"") &&
	       put_base64(out, value) && put(out, "\"}");
}

bool connect_error_write(enum status status, const char *message, const struct bytes *details,
                         size_t count, struct buffer *out)
{
	bool good = put(out, "{\"code\":\"") && put(out, forms[status].code) && put(out, "\"");
	if (good && message && message[0] != '\0')
		good = put(out, ",\"message\":") && put_string(out, bytes_of_string(message));
	for (size_t i = 0; good && i < count; i++)
		good = put(out, i == 0 ? ",\"details\":[" : ",") && put_detail(out, details[i]);
	return good && put(out, count > 0 ? "]}" : "}");
}

/* --- the end of a stream --------------------------------------------------------------------- */

static struct bytes name_of(const struct http2_fields *fields, size_t at)
{
	return bytes_of(fields->nv[at].name, fields->nv[at].namelen);
}

/* The next field of that name, from `at` on. */
static size_t find(const struct http2_fields *fields, struct bytes name, size_t at)
{
	while (at < fields->count && !bytes_equal(name_of(fields, at), name))
		at++;
	return at;
}

static bool put_values(struct buffer *out, const struct http2_fields *fields, size_t at)
{
	struct bytes name = name_of(fields, at);
	bool good = put_string(out, name) && put(out, ":");
	for (const char *mark = "["; good && at < fields->count; mark = ",") {
		const nghttp2_nv *nv = &fields->nv[at];
		good = put(out, mark) && put_string(out, bytes_of(nv->value, nv->valuelen));
		at = find(fields, name, at + 1);
	}
	return good && put(out, "]");
}

static bool put_metadata(struct buffer *out, const struct http2_fields *fields)
{
	const char *mark = "\"metadata\":{";
	bool good = true;
	for (size_t i = 0; good && i < fields->count; i++) {
		if (find(fields, name_of(fields, i), 0) < i)
			continue;
		good = put(out, mark) && put_values(out, fields, i);
		mark = ",";
	}
	return good && put(out, "}");
}

bool connect_end_write(enum status status, const char *message, const struct bytes *details,
                       size_t count, const struct http2_fields *metadata, struct buffer *out)
{
	bool failed = status != STATUS_OK;
	bool good = put(out, "{");
	if (good && failed)
		good = put(out, "\"error\":") &&
		       connect_error_write(status, message, details, count, out);
	if (good && metadata->count > 0)
		good = (!failed || put(out, ",")) && put_metadata(out, metadata);
	return good && put(out, "}");
}
