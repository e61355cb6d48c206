/* values - JSON values one after the other in a text. */
#pragma once
#include "proto/bytes.h"

enum { VALUE_FAULT_SIZE = 160 };

/* `text` without the white space that it begins with. */
struct bytes value_start(struct bytes text);

/* The length of the JSON value that `text` begins with; 0: it is malformed. */
size_t value_len(struct bytes text, char fault[VALUE_FAULT_SIZE]);
