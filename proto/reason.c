#include "proto/reason.h"

#include <assert.h>

static const struct {
	const char *name;
	enum status status;
	const char *text;
} reasons[REASON_COUNT] = {
	[REASON_NONE] = {"", STATUS_UNKNOWN, ""},
#define REASON(name, status, text) [REASON_##name] = {#name, STATUS_##status, text},
#include "proto/reason.def"
#undef REASON
};

const char *reason_name(enum reason reason)
{
	assert(reason < REASON_COUNT);
	return reasons[reason].name;
}

enum status reason_status(enum reason reason)
{
	assert(reason < REASON_COUNT);
	return reasons[reason].status;
}

const char *reason_text(enum reason reason)
{
	assert(reason < REASON_COUNT);
	return reasons[reason].text;
}
