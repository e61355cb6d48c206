/* bare_call - a call that has nothing but its memory, for code that needs no more: no loop, no
 * fiber, no transport. */
#pragma once
#include "daemon/rpc/call.h"
#include "proto/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `memory`: of its arena, in bytes; what it has at most. */
static inline struct call *bare_call(size_t memory)
{
	struct call *call = calloc(1, sizeof(*call));
	assert_non_null(call);
	arena_init(&call->arena, NULL, 0, memory);
	call->started = true;
	return call;
}

static inline void bare_call_free(struct call *call)
{
	arena_deinit(&call->arena);
	free(call);
}

/* The call failed with this reason, field (NULL: none) and text. */
static inline void assert_failed(const struct call *call, enum reason reason, const char *field,
                                 const char *message)
{
	assert_string_equal(reason_name(call->reason), reason_name(reason));
	assert_int_equal(call->status, reason_status(reason));
	assert_string_equal(call->message, message);
	if (field)
		assert_string_equal(call->field, field);
	else
		assert_null(call->field);
}
