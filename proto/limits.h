/* limits - every limit by name: LIMIT_MESSAGE, LIMIT_STREAMS, ... (limits.def has the table). */
#pragma once

enum {
#define LIMIT(name, value, unit, abuse) LIMIT_##name = value,
#include "proto/limits.def"
#undef LIMIT
};
