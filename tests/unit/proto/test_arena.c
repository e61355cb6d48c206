#include "proto/arena.h"
#include "tests/unit/proto/support.h"

#include <stdalign.h>

enum { LIMIT = 1 << 20 };

static void storage_serves_before_the_heap(void **state)
{
	(void)state;
	alignas(16) uint8_t storage[64];
	struct arena arena;
	arena_init(&arena, storage, sizeof storage, LIMIT);
	for (int i = 0; i < 4; i++)
		assert_ptr_equal(arena_alloc(&arena, 16), storage + 16 * i);
	assert_int_equal(arena.used, 0);
	uint8_t *heap = arena_alloc(&arena, 1);
	assert_non_null(heap);
	assert_true(heap < storage || heap >= storage + sizeof storage);
	assert_true(arena.used > 0);
	arena_reset(&arena);
	assert_int_equal(arena.used, 0);
	assert_ptr_equal(arena_alloc(&arena, 16), storage);
	arena_deinit(&arena);
	memset(storage, 0, sizeof storage);
}

static void everything_is_aligned_even_in_odd_storage(void **state)
{
	(void)state;
	alignas(16) uint8_t storage[256];
	for (size_t skip = 0; skip < 40; skip++) {
		struct arena arena;
		arena_init(&arena, storage + skip, 100 - skip, LIMIT);
		for (size_t len = 0; len < 100; len++) {
			uint8_t *piece = arena_alloc(&arena, len);
			assert_non_null(piece);
			assert_int_equal((uintptr_t)piece % 16, 0);
			memset(piece, 1, len);
		}
		arena_deinit(&arena);
	}
	memset(storage, 0, sizeof storage);
}

static void tiny_storage_is_as_none(void **state)
{
	(void)state;
	alignas(16) uint8_t storage[16];
	for (size_t len = 0; len < 16; len++) {
		struct arena arena;
		arena_init(&arena, storage, len, LIMIT);
		void *piece = arena_alloc(&arena, 1);
		assert_non_null(piece);
		assert_ptr_not_equal(piece, storage);
		arena_deinit(&arena);
	}
}

static void nothing_can_be_had_even_at_the_limit(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, 0);
	assert_non_null(arena_alloc(&arena, 0));
	assert_non_null(arena_copy(&arena, NULL, 0));
	assert_null(arena_alloc(&arena, 1));
	arena_deinit(&arena);
}

static void the_limit_holds_to_the_byte(void **state)
{
	(void)state;
	static const size_t limits[] = {16, 32, 100, 4096, 4097, 65536, 300000};
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		size_t most = limits[i] & ~(size_t)15;
		struct arena arena;
		arena_init(&arena, NULL, 0, limits[i]);
		assert_null(arena_alloc(&arena, most + 1));
		assert_non_null(arena_alloc(&arena, most));
		assert_null(arena_alloc(&arena, 1));
		arena_reset(&arena);
		assert_non_null(arena_alloc(&arena, most - 1));
		assert_null(arena_alloc(&arena, 16));
		arena_deinit(&arena);
	}
}

static void small_pieces_fill_the_limit_without_waste(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, 300000);
	size_t pieces = 0;
	while (arena_alloc(&arena, 16))
		pieces++;
	assert_int_equal(pieces, 300000 / 16);
	arena_deinit(&arena);
}

static void impossible_lengths_fail(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, SIZE_MAX);
	for (size_t off = 0; off < 40; off++)
		assert_null(arena_alloc(&arena, SIZE_MAX - off));
	assert_null(arena_string(&arena, (struct bytes){(const uint8_t *)"", SIZE_MAX}));
	arena_deinit(&arena);
}

static void a_large_piece_does_not_waste_the_chunk_in_use(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, LIMIT);
	uint8_t *first = arena_alloc(&arena, 16);
	assert_non_null(arena_alloc(&arena, 100000));
	assert_ptr_equal(arena_alloc(&arena, 16), first + 16);
	arena_deinit(&arena);
}

static void pieces_do_not_overlap(void **state)
{
	(void)state;
	enum { PIECES = 2000 };
	static uint8_t *pieces[PIECES];
	static size_t lens[PIECES];
	struct arena arena;
	uint64_t seed = 7;
	arena_init(&arena, NULL, 0, 64 << 20);
	for (size_t i = 0; i < PIECES; i++) {
		lens[i] = random_below(&seed, i % 10 == 0 ? 30000 : 200);
		pieces[i] = arena_alloc(&arena, lens[i]);
		assert_non_null(pieces[i]);
		memset(pieces[i], (int)(i % 251), lens[i]);
	}
	for (size_t i = 0; i < PIECES; i++) {
		for (size_t at = 0; at < lens[i]; at++)
			assert_int_equal(pieces[i][at], i % 251);
	}
	arena_deinit(&arena);
}

static void strings_are_copied_and_ended(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, LIMIT);
	assert_string_equal(arena_strdup(&arena, "abc"), "abc");
	assert_string_equal(arena_strdup(&arena, ""), "");
	assert_string_equal(arena_string(&arena, bytes_of("abcdef", 3)), "abc");
	assert_string_equal(arena_string(&arena, (struct bytes){0}), "");
	assert_memory_equal(arena_copy(&arena, "a\0b", 3), "a\0b", 3);
	assert_memory_equal(arena_zalloc(&arena, 3), "\0\0\0", 3);
	assert_string_equal(arena_printf(&arena, "%s-%d", "PROJ", 123), "PROJ-123");
	char *text = arena_printf(&arena, "%0*d", 70000, 1);
	assert_int_equal(strlen(text), 70000);
	arena_deinit(&arena);
}

static void every_helper_fails_at_the_limit(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, 16);
	assert_non_null(arena_alloc(&arena, 16));
	assert_null(arena_zalloc(&arena, 1));
	assert_null(arena_copy(&arena, "a", 1));
	assert_null(arena_strdup(&arena, ""));
	assert_null(arena_printf(&arena, "%d", 1));
	arena_deinit(&arena);
}

/* --- what was deferred ---------------------------------------------------------- */

static char released[16];

static void release(void *object)
{
	strcat(released, object);
}

static void deferred_releases_run_in_reverse_once(void **state)
{
	(void)state;
	alignas(16) uint8_t storage[256];
	struct arena arena;
	arena_init(&arena, storage, sizeof storage, LIMIT);
	released[0] = '\0';
	assert_true(arena_defer(&arena, release, "a"));
	assert_true(arena_defer(&arena, release, "b"));
	arena_reset(&arena);
	assert_string_equal(released, "ba");
	assert_true(arena_defer(&arena, release, "c"));
	arena_deinit(&arena);
	assert_string_equal(released, "bac");
}

static void without_memory_the_release_runs_at_once(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, 0);
	released[0] = '\0';
	assert_false(arena_defer(&arena, release, "x"));
	assert_string_equal(released, "x");
	arena_deinit(&arena);
	assert_string_equal(released, "x");
}

static struct arena *deferring;

static void release_and_defer_more(void *object)
{
	strcat(released, object);
	assert_true(arena_defer(deferring, release, "2"));
}

static void a_release_may_defer_more(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 0, LIMIT);
	deferring = &arena;
	released[0] = '\0';
	assert_true(arena_defer(&arena, release_and_defer_more, "1"));
	arena_deinit(&arena);
	assert_string_equal(released, "12");
}

/* --- AddressSanitizer --------------------------------------------------------------- */

#ifdef ARENA_POISONS
static void room_that_was_not_handed_out_is_poisoned(void **state)
{
	(void)state;
	alignas(16) uint8_t storage[128];
	struct arena arena;
	arena_init(&arena, storage, sizeof storage, LIMIT);
	uint8_t *piece = arena_alloc(&arena, 20);
	assert_false(__asan_address_is_poisoned(piece + 19));
	assert_true(__asan_address_is_poisoned(piece + 20));
	assert_true(__asan_address_is_poisoned(piece + 32));
	uint8_t *heap = arena_alloc(&arena, 500);
	assert_false(__asan_address_is_poisoned(heap + 499));
	assert_true(__asan_address_is_poisoned(heap + 500));
	arena_reset(&arena);
	assert_true(__asan_address_is_poisoned(piece));
	arena_deinit(&arena);
	assert_null(__asan_region_is_poisoned(storage, sizeof storage));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(storage_serves_before_the_heap),
		cmocka_unit_test(everything_is_aligned_even_in_odd_storage),
		cmocka_unit_test(tiny_storage_is_as_none),
		cmocka_unit_test(nothing_can_be_had_even_at_the_limit),
		cmocka_unit_test(the_limit_holds_to_the_byte),
		cmocka_unit_test(small_pieces_fill_the_limit_without_waste),
		cmocka_unit_test(impossible_lengths_fail),
		cmocka_unit_test(a_large_piece_does_not_waste_the_chunk_in_use),
		cmocka_unit_test(pieces_do_not_overlap),
		cmocka_unit_test(strings_are_copied_and_ended),
		cmocka_unit_test(every_helper_fails_at_the_limit),
		cmocka_unit_test(deferred_releases_run_in_reverse_once),
		cmocka_unit_test(without_memory_the_release_runs_at_once),
		cmocka_unit_test(a_release_may_defer_more),
#ifdef ARENA_POISONS
		cmocka_unit_test(room_that_was_not_handed_out_is_poisoned),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
