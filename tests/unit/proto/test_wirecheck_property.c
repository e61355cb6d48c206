/* What wire_check takes, protobuf-c unpacks within the memory that was counted for it; and what an
 * encoder makes, wire_check takes. Over messages from a seeded generator, whole and damaged. */
#include "google/protobuf/descriptor.pb-c.h"
#include "prism/wire/v1/frame.pb-c.h"
#include "proto/wirecheck.h"
#include "shapes.pb-c.h"
#include "tests/unit/proto/generator.h"
#include "tests/unit/proto/support.h"
#include "wide.pb-c.h"

enum { ROUNDS = 4000, DEPTH = 4 };

static const ProtobufCMessageDescriptor *const types[] = {
	&prism__test__shapes__descriptor,    &prism__test__shapes__descriptor,
	&prism__test__leaf__descriptor,      &prism__test__deep__descriptor,
	&prism__test__tree__descriptor,      &prism__test__wide__descriptor,
	&prism__test__empty__descriptor,     &prism__wire__v1__end_meta__descriptor,
	&prism__wire__v1__hello__descriptor, &google__protobuf__file_descriptor_proto__descriptor,
};

enum { TYPES = sizeof types / sizeof *types };

/* An allocator that counts as an arena hands out, and frees everything at the end. */
struct counted {
	size_t total, pieces;
	void *all[1 << 18];
};

static struct counted counted;

static void *counted_alloc(void *data, size_t len)
{
	(void)data;
	counted.total += (len + 15) & ~(size_t)15;
	assert_true(counted.pieces < sizeof counted.all / sizeof *counted.all);
	return counted.all[counted.pieces++] = malloc(len);
}

static void counted_free(void *data, void *piece)
{
	(void)data, (void)piece;
}

static void counted_reset(void)
{
	for (size_t i = 0; i < counted.pieces; i++)
		free(counted.all[i]);
	counted.pieces = counted.total = 0;
}

static enum status check(const ProtobufCMessageDescriptor *type, struct bytes wire, size_t memory,
                         char reason[WIRE_REASON_SIZE])
{
	struct wire_budget budget = WIRE_BUDGET;
	budget.memory = memory;
	uint8_t *copy = exact_copy(wire);
	enum status status = wire_check(type, bytes_of(copy, wire.len), budget, reason);
	free(copy);
	return status;
}

/* Only these have fields that proto2 requires: they may be missing. */
static bool may_lack_fields(const ProtobufCMessageDescriptor *type)
{
	return type == &google__protobuf__file_descriptor_proto__descriptor;
}

/* Of a message that wire_check takes. */
static void unpacks_within_what_was_counted(const ProtobufCMessageDescriptor *type,
                                            struct bytes wire)
{
	char reason[WIRE_REASON_SIZE];
	ProtobufCAllocator allocator = {counted_alloc, counted_free, NULL};
	ProtobufCMessage *message =
		protobuf_c_message_unpack(type, &allocator, wire.len, wire.data);
	if (!message) {
		counted_reset();
		if (!may_lack_fields(type))
			fail_msg("protobuf-c refuses a %s that wire_check takes", type->name);
		return;
	}
	/* The budget is an upper bound ... */
	assert_int_equal(check(type, wire, counted.total - 1, reason), STATUS_RESOURCE_EXHAUSTED);
	/* ... that is not far off, */
	assert_int_equal(check(type, wire, counted.total * 2 + 256, reason), STATUS_OK);
	assert_true(protobuf_c_message_check(message));

	/* and what was unpacked is whole: packed again it is taken again. */
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *again = malloc(size + 1);
	assert_non_null(again);
	assert_int_equal(protobuf_c_message_pack(message, again), size);
	assert_int_equal(check(type, bytes_of(again, size), SIZE_MAX, reason), STATUS_OK);
	free(again);
	counted_reset();
}

static void what_an_encoder_makes_is_taken_and_unpacks(void **state)
{
	(void)state;
	uint64_t seed = 20240501;
	for (int round = 0; round < ROUNDS; round++) {
		struct buffer wire = {0};
		char reason[WIRE_REASON_SIZE];
		const ProtobufCMessageDescriptor *type = types[round % TYPES];
		generate_message(&wire, type, &seed, DEPTH);
		struct bytes bytes = buffer_bytes(&wire);
		if (check(type, bytes, SIZE_MAX, reason) != STATUS_OK)
			fail_msg("round %d, %s: %s", round, type->name, reason);
		unpacks_within_what_was_counted(type, bytes);
		buffer_deinit(&wire);
	}
}

static void what_is_damaged_is_refused_or_unpacks(void **state)
{
	(void)state;
	uint64_t seed = 20240502;
	size_t taken = 0, refused = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct buffer wire = {0};
		char reason[WIRE_REASON_SIZE] = "";
		const ProtobufCMessageDescriptor *type = types[round % TYPES];
		generate_message(&wire, type, &seed, DEPTH);
		generate_damage(&wire, &seed);
		struct bytes bytes = buffer_bytes(&wire);
		enum status status = check(type, bytes, SIZE_MAX, reason);
		if (status == STATUS_OK) {
			taken++;
			unpacks_within_what_was_counted(type, bytes);
		} else {
			refused++;
			assert_true(status == STATUS_INTERNAL || status == STATUS_INVALID_ARGUMENT);
			assert_non_null(strstr(reason, ": "));
		}
		buffer_deinit(&wire);
	}
	assert_true(taken > ROUNDS / 20);
	assert_true(refused > ROUNDS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_encoder_makes_is_taken_and_unpacks),
		cmocka_unit_test(what_is_damaged_is_refused_or_unpacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
