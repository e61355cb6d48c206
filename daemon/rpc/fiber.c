/* A stack is bootstrapped once with makecontext(), then runs one fiber after another; every later
 * switch is _setjmp/_longjmp, which unlike swapcontext() makes no system call.
 *
 * The mapping, from low to high: a guard page, the stack, `struct fiber` itself. The page with the
 * struct also holds the bottom frame that waits for work, so fiber_trim() keeps it.
 *
 * Compiled without shadow-stack marking (CMakeLists.txt): a longjmp to another stack would trip
 * it, and a program with one unmarked object runs without. */
#undef _FORTIFY_SOURCE /* its longjmp check forbids jumping to another stack */
#include "daemon/rpc/fiber.h"

#include "proto/limits.h"

#include <assert.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define STACK_KIB                         256
#define switch_begins(save, bottom, size) __sanitizer_start_switch_fiber(save, bottom, size)
#define switch_ended(saved, bottom, size) __sanitizer_finish_switch_fiber(saved, bottom, size)
#define stack_unpoison(bottom, size)      __asan_unpoison_memory_region(bottom, size)
#else
#define switch_begins(save, bottom, size) ((void)(save))
#define switch_ended(saved, bottom, size) ((void)(saved))
#define stack_unpoison(bottom, size)      ((void)(bottom))
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define STACK_KIB               256
#define tsan_fiber_new()        __tsan_create_fiber(0)
#define tsan_fiber_free(fiber)  __tsan_destroy_fiber(fiber)
#define tsan_fiber_now()        __tsan_get_current_fiber()
#define tsan_fiber_enter(fiber) __tsan_switch_to_fiber(fiber, 0)
#else
#define tsan_fiber_new()        NULL
#define tsan_fiber_free(fiber)  ((void)(fiber))
#define tsan_fiber_now()        NULL
#define tsan_fiber_enter(fiber) ((void)(fiber))
#endif

#ifndef STACK_KIB
#define STACK_KIB 64
#endif

enum {
	STACK_BYTES = STACK_KIB * 1024,
	CACHE_MAX = 1024, /* stacks; beyond it an ended fiber's stack is unmapped */
};

struct fiber {
	jmp_buf inside;  /* where the fiber continues */
	jmp_buf outside; /* where its resumer continues */
	fiber_main *entry;
	void *arg;
	bool ended;
	bool trimmed;       /* its memory was given back, but for this page */
	struct fiber *next; /* in the cache */
	char *mapping;
	/* What the sanitizers are told, NULL without them. */
	void *fake_inside, *fake_outside;
	const void *loop_stack;
	size_t loop_stack_size;
	void *tsan_inside, *tsan_outside;
};

struct fibers {
	struct fiber *current;
	struct fiber *cache; /* last in, first out: the warmest first */
	size_t cached, warm; /* in the cache; of those, not trimmed */
	size_t low;          /* the least `cached` since the last fiber_trim() */
	size_t alive;
};

static _Thread_local struct fibers fibers;
static atomic_uint stacks_mapped; /* in the process */

static size_t page_bytes(void)
{
	static atomic_size_t known;
	size_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
	if (bytes == 0) {
		bytes = (size_t)sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&known, bytes, memory_order_relaxed);
	}
	return bytes;
}

static char *stack_bottom(const struct fiber *fiber)
{
	return fiber->mapping + page_bytes();
}

/* What of the mapping is the stack proper. */
static size_t stack_bytes(const struct fiber *fiber)
{
	return (size_t)((const char *)fiber - stack_bottom(fiber));
}

/* A function of its own, without locals: nothing here can be clobbered. The thread sanitizer keeps
 * its jump buffers per fiber, so it is told between the two. */
static __attribute__((noinline)) void jump(jmp_buf from, jmp_buf to, void *tsan_to)
{
	if (_setjmp(from) == 0) {
		tsan_fiber_enter(tsan_to);
		_longjmp(to, 1);
	}
}

/* From the fiber to its resumer. `save` is NULL when the fiber will never run again. */
static void leave(struct fiber *fiber, void **save)
{
	switch_begins(save, fiber->loop_stack, fiber->loop_stack_size);
	jump(fiber->inside, fiber->outside, fiber->tsan_outside);
	switch_ended(fiber->fake_inside, &fiber->loop_stack, &fiber->loop_stack_size);
}

/* From the loop's stack into the fiber, until it leaves. */
static void enter(struct fiber *fiber)
{
	fibers.current = fiber;
	fiber->tsan_outside = tsan_fiber_now();
	switch_begins(&fiber->fake_outside, stack_bottom(fiber), stack_bytes(fiber));
	jump(fiber->outside, fiber->inside, fiber->tsan_inside);
	switch_ended(fiber->fake_outside, NULL, NULL);
	fibers.current = NULL;
}

/* The bottom frame of every stack: runs one fiber after another, until there is no entry.
 * makecontext() passes ints only, so the pointer comes in two halves. */
static void stack_main(unsigned high, unsigned low)
{
	struct fiber *fiber = (struct fiber *)((uintptr_t)high << 16 << 16 | low);
	switch_ended(NULL, &fiber->loop_stack, &fiber->loop_stack_size);
	for (;;) {
		leave(fiber, &fiber->fake_inside); /* until there is work for us */
		if (!fiber->entry)
			break;
		fiber->entry(fiber->arg);
		fiber->ended = true;
	}
	leave(fiber, NULL);
}

static void bootstrap(struct fiber *fiber)
{
	uintptr_t address = (uintptr_t)fiber;
	ucontext_t context;
	getcontext(&context);
	context.uc_link = NULL;
	context.uc_stack = (stack_t){.ss_sp = stack_bottom(fiber), .ss_size = stack_bytes(fiber)};
	makecontext(&context, (void (*)(void))stack_main, 2, (unsigned)(address >> 16 >> 16),
	            (unsigned)address);
	fiber->tsan_inside = tsan_fiber_new();
	fiber->tsan_outside = tsan_fiber_now();
	switch_begins(&fiber->fake_outside, stack_bottom(fiber), stack_bytes(fiber));
	if (_setjmp(fiber->outside) == 0) {
		tsan_fiber_enter(fiber->tsan_inside);
		setcontext(&context);
	}
	switch_ended(fiber->fake_outside, NULL, NULL);
}

/* A stack with its guard page; NULL: no memory, or no mappings left. */
static char *mapping_new(size_t bytes)
{
	char *mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (mapping == MAP_FAILED)
		return NULL;
	if (mprotect(mapping, page_bytes(), PROT_NONE) == 0)
		return mapping;
	munmap(mapping, bytes);
	return NULL;
}

static size_t mapping_bytes(void)
{
	return page_bytes() + STACK_BYTES;
}

static struct fiber *fiber_new(void)
{
	if (atomic_fetch_add(&stacks_mapped, 1) < LIMIT_FIBERS) {
		char *mapping = mapping_new(mapping_bytes());
		if (mapping) {
			size_t top = mapping_bytes() - sizeof(struct fiber);
			struct fiber *fiber = (struct fiber *)(mapping + (top & ~(size_t)63));
			fiber->mapping = mapping; /* the rest is zero */
			bootstrap(fiber);
			return fiber;
		}
	}
	atomic_fetch_sub(&stacks_mapped, 1);
	return NULL;
}

/* Lets the bottom frame end first: the sanitizers free what they keep for the stack. */
static void fiber_free(struct fiber *fiber)
{
	fiber->entry = NULL;
	enter(fiber);
	tsan_fiber_free(fiber->tsan_inside);
	stack_unpoison(stack_bottom(fiber), STACK_BYTES);
	munmap(fiber->mapping, mapping_bytes());
	atomic_fetch_sub(&stacks_mapped, 1);
}

static struct fiber *cache_take(void)
{
	struct fiber *fiber = fibers.cache;
	if (!fiber)
		return NULL;
	fibers.cache = fiber->next;
	fibers.warm -= !fiber->trimmed;
	if (--fibers.cached < fibers.low)
		fibers.low = fibers.cached;
	return fiber;
}

static void cache_put(struct fiber *fiber)
{
	if (fibers.cached == CACHE_MAX) {
		fiber_free(fiber);
		return;
	}
	fiber->trimmed = false;
	fiber->next = fibers.cache;
	fibers.cache = fiber;
	fibers.cached++;
	fibers.warm++;
}

bool fiber_start(fiber_main *entry, void *arg)
{
	assert(!fibers.current);
	struct fiber *fiber = cache_take();
	if (!fiber && !(fiber = fiber_new()))
		return false;
	fiber->entry = entry;
	fiber->arg = arg;
	fiber->ended = false;
	fibers.alive++;
	fiber_resume(fiber);
	return true;
}

void fiber_resume(struct fiber *fiber)
{
	assert(!fibers.current && !fiber->ended);
	enter(fiber);
	if (fiber->ended) {
		fibers.alive--;
		cache_put(fiber);
	}
}

void fiber_suspend(void)
{
	struct fiber *fiber = fibers.current;
	assert(fiber);
	leave(fiber, &fiber->fake_inside);
}

struct fiber *fiber_current(void)
{
	return fibers.current;
}

size_t fiber_alive(void)
{
	return fibers.alive;
}

size_t fiber_cached_warm(void)
{
	return fibers.warm;
}

static void fiber_give_back(struct fiber *fiber)
{
	madvise(stack_bottom(fiber), STACK_BYTES - page_bytes(), MADV_DONTNEED);
	fiber->trimmed = true;
	fibers.warm--;
}

void fiber_trim(void)
{
	struct fiber *fiber = fibers.cache;
	for (size_t used = fibers.cached - fibers.low; used > 0; used--)
		fiber = fiber->next;
	for (; fiber; fiber = fiber->next)
		if (!fiber->trimmed)
			fiber_give_back(fiber);
	fibers.low = fibers.cached;
}

void fiber_drop_cache(void)
{
	for (struct fiber *fiber; (fiber = cache_take());)
		fiber_free(fiber);
	fibers.low = 0;
}
