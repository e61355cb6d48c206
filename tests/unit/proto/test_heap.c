/* What proto/ does when the heap gives nothing: the linker turns its malloc and realloc to ours. */
#include "proto/arena.h"
#include "proto/wirecheck.h"
#include "shapes.pb-c.h"
#include "tests/unit/proto/support.h"

void *__real_malloc(size_t len);
void *__real_realloc(void *old, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_realloc(void *old, size_t len);

static bool heap_is_empty;

void *__wrap_malloc(size_t len)
{
	return heap_is_empty ? NULL : __real_malloc(len);
}

void *__wrap_realloc(void *old, size_t len)
{
	return heap_is_empty ? NULL : __real_realloc(old, len);
}

static void a_buffer_that_cannot_grow_is_unchanged(void **state)
{
	(void)state;
	struct buffer buffer = {0};
	char large[4096] = {0};
	heap_is_empty = true;
	assert_null(buffer_reserve(&buffer, 1));
	assert_false(buffer_append(&buffer, "abc", 3));
	heap_is_empty = false;
	assert_true(buffer_append(&buffer, "-abc", 4));
	buffer_consume(&buffer, 1);
	heap_is_empty = true;
	assert_false(buffer_append(&buffer, large, sizeof large));
	assert_bytes(buffer_bytes(&buffer), "abc");
	assert_true(buffer_append(&buffer, "d", 1));
	heap_is_empty = false;
	assert_bytes(buffer_bytes(&buffer), "abcd");
	buffer_deinit(&buffer);
}

static void an_arena_without_heap_serves_from_what_it_has(void **state)
{
	(void)state;
	_Alignas(16) uint8_t storage[64];
	struct arena arena;
	arena_init(&arena, storage, sizeof storage, 1 << 20);
	heap_is_empty = true;
	assert_non_null(arena_alloc(&arena, 32));
	assert_null(arena_alloc(&arena, 64));
	assert_null(arena_alloc(&arena, 100000));
	assert_int_equal(arena.used, 0);
	assert_non_null(arena_alloc(&arena, 32));
	heap_is_empty = false;
	assert_non_null(arena_alloc(&arena, 64));
	arena_deinit(&arena);
}

static void a_message_without_heap_is_resource_exhausted(void **state)
{
	(void)state;
	char reason[WIRE_REASON_SIZE] = "";
	struct arena arena;
	ProtobufCMessage *message = NULL;
	arena_init(&arena, NULL, 0, 1 << 20);
	heap_is_empty = true;
	enum status status = message_unpack(&prism__test__leaf__descriptor, bytes_of("\n\1a", 3),
	                                    &arena, &message, reason);
	heap_is_empty = false;
	assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(reason, "memory"));
	arena_deinit(&arena);
}

static void an_arena_is_an_allocator_for_protobuf(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, 1 << 20);
	Prism__Test__Leaf *leaf =
		prism__test__leaf__unpack(&arena.allocator, 3, (const uint8_t *)"\n\1a");
	assert_string_equal(leaf->name, "a");
	assert_true(arena.used > 0);
	prism__test__leaf__free_unpacked(leaf, &arena.allocator);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_that_cannot_grow_is_unchanged),
		cmocka_unit_test(an_arena_without_heap_serves_from_what_it_has),
		cmocka_unit_test(a_message_without_heap_is_resource_exhausted),
		cmocka_unit_test(an_arena_is_an_allocator_for_protobuf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
