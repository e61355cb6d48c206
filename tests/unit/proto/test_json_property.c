/* What was written as JSON is read as the same message; damaged text is read or refused. Over
 * messages from a seeded generator. */
#include "forms.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "proto/json.h"
#include "proto/limits.h"
#include "proto/utf8.h"
#include "shapes.pb-c.h"
#include "tests/unit/proto/generator.h"
#include "tests/unit/proto/support.h"

enum { ROUNDS = 1500, DEPTH = 3 };

static const ProtobufCMessageDescriptor *const types[] = {
	&prism__test__shapes__descriptor, &prism__test__leaf__descriptor,
	&prism__test__deep__descriptor,   &prism__test__tree__descriptor,
	&prism__test__forms__descriptor,
};

enum { TYPES = sizeof types / sizeof *types };

static ProtobufCMessage *generated(const ProtobufCMessageDescriptor *type, uint64_t *seed,
                                   struct arena *arena)
{
	struct buffer wire = {0};
	char reason[WIRE_REASON_SIZE];
	ProtobufCMessage *message = NULL;
	generate_message(&wire, type, seed, DEPTH);
	assert_int_equal(message_unpack(type, buffer_bytes(&wire), arena, &message, reason),
	                 STATUS_OK);
	buffer_deinit(&wire);
	return message;
}

/* NULL: JSON cannot say it (a random Timestamp is seldom one). */
static char *text_of(const ProtobufCMessage *message, int style, struct arena *arena)
{
	char *text = NULL;
	enum status status = json_from_message(message, style, arena, &text);
	if (status != STATUS_OK) {
		assert_int_equal(status, STATUS_INVALID_ARGUMENT);
		assert_ptr_equal(message->descriptor, &prism__test__forms__descriptor);
	}
	return text;
}

static bool same_both_ways(const ProtobufCMessage *message, int style, struct arena *arena)
{
	char *text = text_of(message, style, arena);
	if (!text)
		return false;
	assert_true(utf8_valid(bytes_of_string(text)));
	char reason[WIRE_REASON_SIZE] = "";
	ProtobufCMessage *again = NULL;
	enum status status =
		json_to_message(message->descriptor, bytes_of_string(text), arena, &again, reason);
	if (status != STATUS_OK)
		fail_msg("%s\n%s", reason, text);
	assert_true(protobuf_c_message_check(again));
	assert_string_equal(text_of(again, style, arena), text);
	return true;
}

static void what_is_written_is_read_as_the_same(void **state)
{
	(void)state;
	uint64_t seed = 20240601;
	size_t said = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct arena arena;
		arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
		const ProtobufCMessage *message = generated(types[round % TYPES], &seed, &arena);
		said += same_both_ways(message, round % 2 ? JSON_COMPACT : JSON_INDENTED, &arena);
		(void)same_both_ways(message, JSON_COMPACT | JSON_WITH_DEFAULTS, &arena);
		arena_deinit(&arena);
	}
	assert_true(said > ROUNDS / TYPES * (TYPES - 1));
}

static void damaged_text_is_read_or_refused_with_a_reason(void **state)
{
	(void)state;
	uint64_t seed = 20240602;
	size_t taken = 0, refused = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct arena arena;
		struct buffer damaged = {0};
		char reason[WIRE_REASON_SIZE] = "";
		ProtobufCMessage *message = NULL;
		const ProtobufCMessageDescriptor *type = types[round % TYPES];
		arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
		const char *text = text_of(generated(type, &seed, &arena), JSON_COMPACT, &arena);
		text = text ? text : "{}";
		assert_true(buffer_append(&damaged, text, strlen(text)));
		generate_damage(&damaged, &seed);
		uint8_t *copy = exact_copy(buffer_bytes(&damaged));
		if (json_to_message(type, bytes_of(copy, buffer_len(&damaged)), &arena, &message,
		                    reason) == STATUS_OK) {
			taken++;
			assert_true(protobuf_c_message_check(message));
		} else {
			refused++;
			assert_non_null(strstr(reason, ": "));
			assert_true(utf8_valid(bytes_of_string(reason)));
		}
		free(copy);
		buffer_deinit(&damaged);
		arena_deinit(&arena);
	}
	assert_true(taken > 0 && refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_as_the_same),
		cmocka_unit_test(damaged_text_is_read_or_refused_with_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
