#include "proto/wirecheck.h"

#include "proto/limits.h"
#include "proto/writer.h"
#include "shapes.pb-c.h"
#include "tests/unit/proto/support.h"
#include "wants.pb-c.h"
#include "wide.pb-c.h"

static const ProtobufCMessageDescriptor *const shapes = &prism__test__shapes__descriptor;

static char reason[WIRE_REASON_SIZE];

static enum status check(const ProtobufCMessageDescriptor *descriptor, struct bytes wire)
{
	uint8_t *copy = exact_copy(wire);
	reason[0] = '\0';
	enum status status = wire_check(descriptor, bytes_of(copy, wire.len), WIRE_BUDGET, reason);
	free(copy);
	return status;
}

static void assert_good(const char *wire)
{
	struct hex bytes = hex(wire);
	if (check(shapes, hex_bytes(&bytes)) != STATUS_OK)
		fail_msg("%s: refused: %s", wire, reason);
}

static void assert_says(const char *what)
{
	if (!strstr(reason, what))
		fail_msg("\"%s\" does not say \"%s\"", reason, what);
}

static void assert_refused(const char *wire, enum status status, const char *what)
{
	struct hex bytes = hex(wire);
	if (check(shapes, hex_bytes(&bytes)) != status)
		fail_msg("%s: not refused with %s", wire, status_name(status));
	assert_says(what);
}

static void assert_bad(const char *wire, const char *what)
{
	assert_refused(wire, STATUS_INTERNAL, what);
}

static void assert_unacceptable(const char *wire, const char *what)
{
	assert_refused(wire, STATUS_INVALID_ARGUMENT, what);
}

/* --- form --------------------------------------------------------------------- */

static void nothing_is_a_message(void **state)
{
	(void)state;
	assert_good("");
	assert_int_equal(check(&prism__test__empty__descriptor, (struct bytes){0}), STATUS_OK);
}

static void every_kind_of_field_is_taken(void **state)
{
	(void)state;
	assert_good("08 01 10 02 1d 01 02 03 04 20 05 28 06 31 01 02 03 04 05 06 07 08");
	assert_good("38 07 45 01 02 03 04 48 09 51 01 02 03 04 05 06 07 08");
	assert_good(
		"5d 00 00 80 3f 61 00 00 00 00 00 00 f0 3f 68 01 70 02 7a 01 61 82 01 02 ff 00");
	assert_good("8a 01 03 0a 01 61");
	assert_good("08 ff ff ff ff ff ff ff ff ff 01");
	assert_good("c8 02 05 | d2 02 01 61 | da 02 01 ff | e2 02 00 | e8 02 01");
	assert_good("9a 03 05 0a 01 61 10 07 | a2 03 07 08 05 12 03 0a 01 62");
}

static void repeated_numbers_are_taken_packed_and_not(void **state)
{
	(void)state;
	assert_good("a8 01 01 a8 01 02 | aa 01 03 01 02 03 | a8 01 ff 01");
	assert_good("bd 01 01 02 03 04 | ba 01 08 01 02 03 04 05 06 07 08");
	assert_good("d1 01 01 02 03 04 05 06 07 08 | d2 01 08 01 02 03 04 05 06 07 08");
	assert_good("88 02 01 | 8a 02 03 00 01 01");
	assert_good("b0 02 01 | b2 02 03 01 02 03");
	assert_good("aa 01 00");
	assert_good("92 02 02 01 07");
}

static void tags_are_well_formed(void **state)
{
	(void)state;
	assert_bad("00 00", "field number 0");
	assert_bad("02 00", "field number 0");
	assert_bad("80", "tag is malformed");
	assert_bad("80 80 80 80 10 00", "tag is malformed");
	assert_bad("88 80 80 80 80 00 01", "tag is malformed");
	assert_bad("ff ff ff ff ff ff ff ff ff 01 00", "tag is malformed");
	assert_good("88 80 80 80 00 01");
	assert_good("f8 ff ff ff 0f 01");
}

static void groups_and_unknown_wire_types_are_refused(void **state)
{
	(void)state;
	assert_bad("0b 0c", "int32_one: groups");
	assert_bad("9b 06 9c 06", "field 99: groups");
	assert_bad("9c 06", "groups");
	assert_bad("0e 01", "wire type");
	assert_bad("9f 06 01", "field 99: the wire type");
}

static void values_are_whole(void **state)
{
	(void)state;
	assert_bad("08", "int32_one: a varint");
	assert_bad("08 80", "a varint");
	assert_bad("08 ff ff ff ff ff ff ff ff ff 02", "a varint");
	assert_bad("08 80 80 80 80 80 80 80 80 80 80 01", "a varint");
	assert_bad("1d 01 02 03", "sfixed32_one: the value is longer");
	assert_bad("31 01 02 03 04 05 06 07", "sfixed64_one: the value is longer");
	assert_bad("7a 02 61", "string_one: the value is longer");
	assert_bad("7a", "string_one: the value is longer");
	assert_bad("7a ff ff ff ff ff ff ff ff ff 01", "string_one: the value is longer");
	assert_bad("7a 81 80 80 80 80 00 61", "string_one: the length");
	assert_good("7a 81 80 80 80 00 61");
	assert_bad("98 06 80", "field 99: a varint");
	assert_bad("9a 06 02 61", "field 99: the value is longer");
	assert_bad("8a 01 02 0a 01", "leaf_one.name: the value is longer");
}

static void every_truncation_is_refused_or_a_shorter_message(void **state)
{
	(void)state;
	struct hex whole =
		hex("08 96 01 | 1d 01 02 03 04 | 31 01 02 03 04 05 06 07 08 | 7a 03 61 62 63 |"
	            "8a 01 09 0a 03 78 79 7a 12 02 01 02 | aa 01 03 01 80 01");
	static const uint8_t ends[] = {0, 3, 8, 17, 22, 34, 40};
	assert_int_equal(whole.len, 40);
	for (size_t len = 0; len <= whole.len; len++)
		assert_int_equal(check(shapes, bytes_of(whole.data, len)) == STATUS_OK,
		                 memchr(ends, (int)len, sizeof ends) != NULL);
}

static void known_fields_have_their_wire_type(void **state)
{
	(void)state;
	static const uint8_t fixed32[] = {3, 8, 11}, fixed64[] = {6, 10, 12},
			     delimited[] = {15, 16, 17};
	for (unsigned number = 1; number <= 17; number++) {
		unsigned right = memchr(fixed32, (int)number, 3)     ? 5
		                 : memchr(fixed64, (int)number, 3)   ? 1
		                 : memchr(delimited, (int)number, 3) ? 2
		                                                     : 0;
		static const char *const values[] = {
			"01", "01 02 03 04 05 06 07 08", "00", "", "", "01 02 03 04"};
		for (unsigned wire = 0; wire <= 5; wire++) {
			if (wire == 3 || wire == 4)
				continue;
			char text[64];
			unsigned tag = number << 3 | wire;
			if (tag < 0x80)
				snprintf(text, sizeof text, "%02x %s", tag, values[wire]);
			else
				snprintf(text, sizeof text, "%02x 01 %s", tag & 0xff, values[wire]);
			if (wire == right)
				assert_good(text);
			else
				assert_bad(text, "wire type");
		}
	}
	assert_bad("ad 01 01 02 03 04", "int32_many[0]: wire type 5, must be 0");
	assert_bad("98 02 01", "string_many[0]: wire type 0, must be 2");
	assert_bad("a8 02 01", "leaf_many[0]: wire type 0, must be 2");
	assert_bad("d0 02 01", "choice_text: wire type");
}

static void packed_numbers_are_whole(void **state)
{
	(void)state;
	assert_bad("aa 01 02 01 80", "int32_many");
	assert_bad("aa 01 0b ff ff ff ff ff ff ff ff ff ff 01", "int32_many");
	assert_bad("ba 01 05 01 02 03 04 05", "packed numbers of 4 bytes take 5 bytes");
	assert_bad("d2 01 07 01 02 03 04 05 06 07", "packed numbers of 8 bytes take 7 bytes");
	assert_bad("8a 02 02 01 02", "packed bool");
	assert_bad("8a 02 02 81 00", "packed bool");
}

static void message_fields_are_given_once(void **state)
{
	(void)state;
	assert_unacceptable("8a 01 00 8a 01 00", "leaf_one: the field is given twice");
	assert_unacceptable("8a 01 00 08 01 8a 01 00", "leaf_one: the field is given twice");
	assert_unacceptable("e2 02 00 e2 02 00", "choice_leaf: the field is given twice");
	assert_unacceptable("a2 03 04 12 00 12 00", "leaves[0].value: the field is given twice");
	assert_good("aa 02 00 aa 02 00");
	assert_good("e2 02 00 c8 02 05 d2 02 01 61");
	assert_good("08 01 08 02 7a 01 61 7a 01 62");
	assert_good("a2 03 02 12 00 a2 03 02 12 00");
}

/* --- strings --------------------------------------------------------------------- */

static void strings_are_utf8_without_nul(void **state)
{
	(void)state;
	assert_good("7a 00");
	assert_good("7a 06 c3 a9 e2 82 ac 7a");
	assert_unacceptable("7a 01 ff", "string_one: text must be valid UTF-8");
	assert_unacceptable("7a 02 c0 80", "UTF-8");
	assert_unacceptable("7a 03 ed a0 80", "UTF-8");
	assert_unacceptable("7a 03 61 00 62", "string_one: text must not hold a NUL");
	assert_unacceptable("9a 02 01 61 9a 02 01 80", "string_many[1]: text");
	assert_unacceptable("d2 02 01 80", "choice_text: text");
	assert_unacceptable("8a 01 03 0a 01 80", "leaf_one.name: text");
	assert_unacceptable("9a 03 03 0a 01 80", "counts[0].key: text");
	assert_good("82 01 03 00 ff c0");
	assert_good("9a 06 02 ff 00");
}

static void a_fault_is_named_by_its_path(void **state)
{
	(void)state;
	assert_unacceptable("aa 02 00 aa 02 00 08 05 aa 02 03 0a 01 80", "leaf_many[2].name: text");
	assert_unacceptable("a2 03 07 08 01 12 03 0a 01 80", "leaves[0].value.name: text");
	assert_bad("8a 01 02 90 80", "leaf_one: a field's tag is malformed");
	assert_bad("8a 01 03 9a 06 05", "leaf_one.field 99: the value is longer");
	assert_bad("90 80", "the message: a field's tag");
}

static void a_long_path_is_cut(void **state)
{
	(void)state;
	struct hex bytes = hex("0a 03 0a 01 80");
	ProtobufCFieldDescriptor field = prism__test__holds_tree__descriptor.fields[1];
	char name[600];
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	field.name = name;
	field.id = 1;
	field.descriptor = &prism__test__leaf__descriptor;
	ProtobufCIntRange ranges[] = {{1, 0}, {0, 1}};
	ProtobufCMessageDescriptor outer = prism__test__holds_tree__descriptor;
	outer.n_fields = 1;
	outer.fields = &field;
	outer.n_field_ranges = 1;
	outer.field_ranges = ranges;
	assert_int_equal(check(&outer, hex_bytes(&bytes)), STATUS_INVALID_ARGUMENT);
	assert_true(strlen(reason) < WIRE_REASON_SIZE);
	assert_says("text must be valid UTF-8");
}

/* --- limits ------------------------------------------------------------------------- */

static enum status check_within(const ProtobufCMessageDescriptor *descriptor, struct bytes wire,
                                struct wire_budget budget)
{
	reason[0] = '\0';
	return wire_check(descriptor, wire, budget, reason);
}

static void depth_has_a_limit(void **state)
{
	(void)state;
	/* two { three { four { text } } } */
	struct hex bytes = hex("1a 07 12 05 0a 03 0a 01 61");
	struct wire_budget budget = WIRE_BUDGET;
	for (uint32_t depth = 2; depth <= 4; depth++) {
		budget.depth = depth;
		enum status status =
			check_within(&prism__test__deep__descriptor, hex_bytes(&bytes), budget);
		assert_int_equal(status, depth >= 3 ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED);
	}
	budget.depth = 2;
	(void)!check_within(&prism__test__deep__descriptor, hex_bytes(&bytes), budget);
	assert_says("two.three.four[0]: messages are nested deeper than 2 levels");
}

static void depth_is_that_of_a_branch_not_of_the_message(void **state)
{
	(void)state;
	struct hex bytes = hex("aa 02 00 aa 02 00 aa 02 00 8a 01 00 a2 03 02 12 00 a2 03 02 12 00");
	struct wire_budget budget = WIRE_BUDGET;
	budget.depth = 2;
	assert_int_equal(check_within(shapes, hex_bytes(&bytes), budget), STATUS_OK);
}

static void a_recursive_bomb_stops_at_the_limit(void **state)
{
	(void)state;
	enum { LEVELS = 5000, ROOM = 6 * LEVELS };
	uint8_t *wire = malloc(ROOM), *start = wire + ROOM;
	assert_non_null(wire);
	size_t len = 0;
	for (int i = 0; i < LEVELS; i++) {
		size_t head = 1 + varint_size(len);
		struct writer writer = writer_init(start - head, head);
		writer_u8(&writer, 0x0a);
		writer_varint(&writer, len);
		start -= head;
		len += head;
		uint32_t depth = (uint32_t)i + 1;
		if (depth >= LIMIT_MESSAGE_DEPTH - 1 && depth <= LIMIT_MESSAGE_DEPTH + 1)
			assert_int_equal(
				check(&prism__test__tree__descriptor, bytes_of(start, len)),
				depth <= LIMIT_MESSAGE_DEPTH ? STATUS_OK
							     : STATUS_RESOURCE_EXHAUSTED);
	}
	assert_int_equal(check(&prism__test__tree__descriptor, bytes_of(start, len)),
	                 STATUS_RESOURCE_EXHAUSTED);
	assert_says("nested deeper than 32 levels");
	free(wire);
}

static void elements_have_a_limit(void **state)
{
	(void)state;
	static const char *const three[] = {
		"a8 01 01 a8 01 02 a8 01 03",
		"aa 01 03 01 02 03",
		"aa 01 01 01 a8 01 02 b0 01 03",
		"9a 02 00 9a 02 00 9a 02 00",
		"aa 02 02 10 01 aa 02 00",
		"aa 02 04 12 02 01 02",
		"ba 01 0c 00 00 00 00 00 00 00 00 00 00 00 00",
		"8a 02 03 00 01 01",
		"9a 03 00 9a 03 00 a2 03 00",
	};
	for (size_t i = 0; i < sizeof three / sizeof *three; i++) {
		struct hex bytes = hex(three[i]);
		struct wire_budget budget = WIRE_BUDGET;
		for (budget.elements = 2; budget.elements <= 4; budget.elements++)
			assert_int_equal(check_within(shapes, hex_bytes(&bytes), budget),
			                 budget.elements >= 3 ? STATUS_OK
			                                      : STATUS_RESOURCE_EXHAUSTED);
		budget.elements = 2;
		(void)!check_within(shapes, hex_bytes(&bytes), budget);
		assert_says("more than 2 repeated elements");
	}
}

static void memory_has_a_limit_that_is_told(void **state)
{
	(void)state;
	struct hex bytes = hex("7a 03 61 62 63");
	struct wire_budget budget = WIRE_BUDGET;
	budget.memory = (sizeof(Prism__Test__Shapes) + 15) / 16 * 16 + 16;
	assert_int_equal(check_within(shapes, hex_bytes(&bytes), budget), STATUS_OK);
	budget.memory--;
	assert_int_equal(check_within(shapes, hex_bytes(&bytes), budget),
	                 STATUS_RESOURCE_EXHAUSTED);
	assert_says("string_one: the message takes more than");
	budget.memory = 0;
	assert_int_equal(check_within(shapes, (struct bytes){0}, budget),
	                 STATUS_RESOURCE_EXHAUSTED);
	assert_says("the message: the message takes more than 0 bytes");
}

/* 2 MB of empty sub-messages unpack into 53 MiB. */
static void amplification_is_bounded(void **state)
{
	(void)state;
	enum { LEN = 2 << 20 };
	uint8_t *wire = malloc(LEN);
	assert_non_null(wire);
	struct writer writer = writer_init(wire, LEN);
	while (writer.end - writer.at >= 3)
		writer_bytes(&writer, "\xaa\x02\x00", 3);
	assert_int_equal(check(shapes, bytes_of(wire, (size_t)(writer.at - wire))),
	                 STATUS_RESOURCE_EXHAUSTED);
	assert_says("repeated elements");
	/* Fields that repeat without being lists cost their notes alone. */
	memset(wire, 0x08, LEN);
	assert_int_equal(check(shapes, bytes_of(wire, LEN)), STATUS_RESOURCE_EXHAUSTED);
	assert_says("bytes of memory");
	/* Unknown fields are kept. */
	for (size_t i = 0; i + 3 <= LEN; i += 3)
		memcpy(wire + i, "\x98\x06\x01", 3);
	assert_int_equal(check(shapes, bytes_of(wire, LEN / 3 * 3)), STATUS_RESOURCE_EXHAUSTED);
	assert_says("bytes of memory");
	free(wire);
}

/* --- unpacking ------------------------------------------------------------------------- */

static void message_unpack_gives_the_message(void **state)
{
	(void)state;
	struct hex bytes = hex("7a 03 61 62 63 aa 01 03 01 02 03 e8 02 01 9a 03 05 0a 01 78 10 05");
	struct arena arena;
	arena_init(&arena, NULL, 0, 1 << 20);
	ProtobufCMessage *message = NULL;
	assert_int_equal(message_unpack(shapes, hex_bytes(&bytes), &arena, &message, reason),
	                 STATUS_OK);
	const Prism__Test__Shapes *got = (const Prism__Test__Shapes *)message;
	assert_string_equal(got->string_one, "abc");
	assert_int_equal(got->n_int32_many, 3);
	assert_int_equal(got->int32_many[2], 3);
	assert_int_equal(got->choice_colour, PRISM__TEST__COLOUR__COLOUR_RED);
	assert_string_equal(got->counts[0]->key, "x");
	assert_int_equal(got->counts[0]->value, 5);
	arena_deinit(&arena);
}

static void message_unpack_refuses_what_the_check_refuses(void **state)
{
	(void)state;
	struct hex bytes = hex("7a 01 ff");
	struct arena arena;
	arena_init(&arena, NULL, 0, 1 << 20);
	ProtobufCMessage *message = NULL;
	assert_int_equal(message_unpack(shapes, hex_bytes(&bytes), &arena, &message, reason),
	                 STATUS_INVALID_ARGUMENT);
	assert_says("string_one");
	assert_null(message);
	assert_int_equal(arena.used, 0);
	arena_deinit(&arena);
}

static void a_full_arena_is_resource_exhausted(void **state)
{
	(void)state;
	struct hex bytes = hex("7a 03 61 62 63 8a 01 03 0a 01 78 aa 01 03 01 02 03");
	size_t enough = 0;
	for (size_t limit = 0; limit < 4096; limit += 16) {
		struct arena arena;
		arena_init(&arena, NULL, 0, limit);
		ProtobufCMessage *message = NULL;
		enum status status =
			message_unpack(shapes, hex_bytes(&bytes), &arena, &message, reason);
		if (status != STATUS_OK) {
			assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
			assert_says("memory");
			assert_int_equal(enough, 0);
		} else if (enough == 0) {
			enough = limit;
		}
		arena_deinit(&arena);
	}
	assert_true(enough > sizeof(Prism__Test__Shapes));
}

static void a_missing_required_field_is_invalid(void **state)
{
	(void)state;
	struct hex bytes = hex("10 05");
	struct arena arena;
	arena_init(&arena, NULL, 0, 1 << 20);
	ProtobufCMessage *message = NULL;
	assert_int_equal(message_unpack(&prism__test__wants__descriptor, hex_bytes(&bytes), &arena,
	                                &message, reason),
	                 STATUS_INVALID_ARGUMENT);
	assert_says("prism.test.Wants");
	arena_deinit(&arena);
}

/* --- recursive types ---------------------------------------------------------------------- */

static void recursive_types_are_found_by_name(void **state)
{
	(void)state;
	assert_string_equal(descriptor_recursive(&prism__test__tree__descriptor),
	                    "prism.test.Tree");
	assert_string_equal(descriptor_recursive(&prism__test__here__descriptor),
	                    "prism.test.Here");
	assert_string_equal(descriptor_recursive(&prism__test__holds_tree__descriptor),
	                    "prism.test.Tree");
}

static void other_types_are_not_recursive(void **state)
{
	(void)state;
	assert_null(descriptor_recursive(shapes));
	assert_null(descriptor_recursive(&prism__test__deep__descriptor));
	assert_null(descriptor_recursive(&prism__test__empty__descriptor));
	assert_null(descriptor_recursive(&prism__test__wide__descriptor));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_a_message),
		cmocka_unit_test(every_kind_of_field_is_taken),
		cmocka_unit_test(repeated_numbers_are_taken_packed_and_not),
		cmocka_unit_test(tags_are_well_formed),
		cmocka_unit_test(groups_and_unknown_wire_types_are_refused),
		cmocka_unit_test(values_are_whole),
		cmocka_unit_test(every_truncation_is_refused_or_a_shorter_message),
		cmocka_unit_test(known_fields_have_their_wire_type),
		cmocka_unit_test(packed_numbers_are_whole),
		cmocka_unit_test(message_fields_are_given_once),
		cmocka_unit_test(strings_are_utf8_without_nul),
		cmocka_unit_test(a_fault_is_named_by_its_path),
		cmocka_unit_test(a_long_path_is_cut),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(depth_is_that_of_a_branch_not_of_the_message),
		cmocka_unit_test(a_recursive_bomb_stops_at_the_limit),
		cmocka_unit_test(elements_have_a_limit),
		cmocka_unit_test(memory_has_a_limit_that_is_told),
		cmocka_unit_test(amplification_is_bounded),
		cmocka_unit_test(message_unpack_gives_the_message),
		cmocka_unit_test(message_unpack_refuses_what_the_check_refuses),
		cmocka_unit_test(a_full_arena_is_resource_exhausted),
		cmocka_unit_test(a_missing_required_field_is_invalid),
		cmocka_unit_test(recursive_types_are_found_by_name),
		cmocka_unit_test(other_types_are_not_recursive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
