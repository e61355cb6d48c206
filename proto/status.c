#include "proto/status.h"

#include <string.h>

static const char *const names[] = {
#define STATUS(name, number, text) [number] = #name,
#include "proto/status.def"
#undef STATUS
};

static const char *const texts[] = {
#define STATUS(name, number, text) [number] = text,
#include "proto/status.def"
#undef STATUS
};

_Static_assert(sizeof names / sizeof *names == STATUS_COUNT, "STATUS_COUNT is status.def's length");

const char *status_name(enum status status)
{
	return (unsigned)status < STATUS_COUNT ? names[status] : "STATUS_?";
}

const char *status_text(enum status status)
{
	return (unsigned)status < STATUS_COUNT ? texts[status] : "status ?";
}

bool status_from_name(const char *name, enum status *out)
{
	for (unsigned i = 0; i < STATUS_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum status)i;
			return true;
		}
	}
	return false;
}

enum status status_from_number(uint32_t number)
{
	return number < STATUS_COUNT ? (enum status)number : STATUS_UNKNOWN;
}
