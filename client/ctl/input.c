#include "client/ctl/input.h"

#include "client/ctl/report.h"
#include "client/ctl/values.h"
#include "proto/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MOST = 256 << 20, REQUESTS_MOST = 100000 };

static int stream_read(FILE *stream, const char *name, struct buffer *out)
{
	uint8_t *at;
	size_t len = 1;
	while (len > 0 && (at = buffer_reserve(out, 65536)) && buffer_len(out) <= INPUT_MOST) {
		len = fread(at, 1, 65536, stream);
		out->end += len;
	}
	if (!at)
		report_no_memory();
	if (len > 0)
		return report_usage("%s is larger than 256 MiB", name);
	return ferror(stream) ? report_usage("%s: %s", name, strerror(errno)) : EXIT_DONE;
}

static int file_read(const char *path, struct buffer *out)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return report_usage("%s: %s", path, strerror(errno));
	int code = stream_read(file, path, out);
	fclose(file);
	return code;
}

static int text_read(const char *argument, struct buffer *out)
{
	if (!argument)
		argument = "{}";
	if (strcmp(argument, "-") == 0)
		return stream_read(stdin, "standard input", out);
	if (argument[0] == '@')
		return file_read(argument + 1, out);
	if (!buffer_append(out, argument, strlen(argument)))
		report_no_memory();
	return EXIT_DONE;
}

static int request_parse(const struct method *method, struct bytes text, struct arena *arena,
                         ProtobufCMessage **out)
{
	char reason[WIRE_REASON_SIZE];
	enum status status = json_to_message(method->request, text, arena, out, reason);
	if (status == STATUS_OK)
		return EXIT_DONE;
	return report_request(method->path, "the request: %s", reason);
}

static int requests_parse(const struct method *method, struct bytes text, struct arena *arena,
                          struct requests *out)
{
	char fault[VALUE_FAULT_SIZE];
	bool streams = method->kind >= CALL_CLIENT_STREAMING;
	for (;;) {
		text = value_start(text);
		if (text.len == 0)
			break;
		if (!streams && out->count == 1)
			return report_request(method->path,
			                      "the request: more than one JSON value");
		if (out->count == REQUESTS_MOST)
			return report_usage("more than 100,000 requests");
		size_t len = value_len(text, fault);
		if (len == 0)
			return report_request(method->path, "the request is not JSON: %s", fault);
		int code = request_parse(method, bytes_of(text.data, len), arena,
		                         &out->list[out->count]);
		if (code != EXIT_DONE)
			return code;
		out->count++;
		text = bytes_of(text.data + len, text.len - len);
	}
	return streams || out->count == 1 ? EXIT_DONE
	                                  : report_request(method->path, "the request is empty");
}

int requests_read(const struct method *method, const char *argument, struct arena *arena,
                  struct requests *out)
{
	struct buffer text = {0};
	*out = (struct requests){
		.list = arena_alloc(arena, REQUESTS_MOST * sizeof(ProtobufCMessage *))};
	if (!out->list)
		report_no_memory();
	int code = text_read(argument, &text);
	if (code == EXIT_DONE)
		code = requests_parse(method, buffer_bytes(&text), arena, out);
	buffer_deinit(&text);
	return code;
}
