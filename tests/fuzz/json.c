/* JSON as a caller may write it: the first byte ('0' ...) chooses the type, the others are the
 * text. What is read is written, and that is read as the same. */
#include "proto/json.h"
#include "forms.pb-c.h"
#include "proto/limits.h"
#include "proto/utf8.h"
#include "shapes.pb-c.h"
#include "tests/fuzz/target.h"
#include "wants.pb-c.h"

#include <google/protobuf/struct.pb-c.h>

static const ProtobufCMessageDescriptor *const types[] = {
	&prism__test__shapes__descriptor,     &prism__test__forms__descriptor,
	&prism__test__here__descriptor,       &prism__test__wants__descriptor,
	&prism__test__tree__descriptor,       &google__protobuf__double_value__descriptor,
	&google__protobuf__value__descriptor, &google__protobuf__struct__descriptor,
};

enum { TYPES = sizeof types / sizeof *types };

static char *written(const ProtobufCMessage *message, int style, struct arena *arena)
{
	char *text = NULL;
	enum status status = json_from_message(message, style, arena, &text);
	MUST(status == STATUS_OK || status == STATUS_RESOURCE_EXHAUSTED);
	return status == STATUS_OK ? text : NULL;
}

static void the_same_again(const ProtobufCMessage *message, int style, struct arena *arena)
{
	char reason[WIRE_REASON_SIZE];
	ProtobufCMessage *again = NULL;
	const char *text = written(message, style, arena);
	if (!text)
		return;
	MUST(utf8_valid(bytes_of_string(text)));
	enum status status =
		json_to_message(message->descriptor, bytes_of_string(text), arena, &again, reason);
	if (status == STATUS_RESOURCE_EXHAUSTED)
		return;
	MUST(status == STATUS_OK);
	const char *text_again = written(again, style, arena);
	MUST(!text_again || strcmp(text, text_again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	char reason[WIRE_REASON_SIZE] = "";
	struct arena arena;
	ProtobufCMessage *message = NULL;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	enum status status = json_to_message(types[data[0] % TYPES], bytes_of(data + 1, len - 1),
	                                     &arena, &message, reason);
	if (status == STATUS_OK) {
		MUST(protobuf_c_message_check(message));
		the_same_again(message, JSON_COMPACT, &arena);
		the_same_again(message, JSON_INDENTED | JSON_WITH_DEFAULTS, &arena);
	} else {
		MUST(status == STATUS_INVALID_ARGUMENT || status == STATUS_RESOURCE_EXHAUSTED);
		MUST(strstr(reason, ": ") && utf8_valid(bytes_of_string(reason)));
	}
	arena_deinit(&arena);
	return 0;
}
