#include "db/sqlstate.h"

#include <stddef.h>
#include <string.h>

static const struct sqlstate table[] = {
#define SQLSTATE(prefix, status, remedy, text) {prefix, STATUS_##status, SQLSTATE_##remedy, text},
#include "db/sqlstate.def"
#undef SQLSTATE
};

const struct sqlstate *sqlstate_find(const char *code)
{
	size_t last = sizeof(table) / sizeof(table[0]) - 1;
	for (size_t i = 0; code && i < last; i++)
		if (strncmp(code, table[i].prefix, strlen(table[i].prefix)) == 0)
			return &table[i];
	return &table[last];
}
