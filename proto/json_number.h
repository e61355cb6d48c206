/* json_number - the numbers of JSON as those of protobuf, and back.
 *
 * Owns: nothing. Every int64 and uint64 is an integer here, so that ranges can be checked. */
#pragma once
#include "proto/bytes.h"

struct json_integer {
	uint64_t magnitude;
	bool negative;
};

/* What a type of integers holds: -lowest to highest. */
struct json_range {
	uint64_t lowest, highest;
};

enum json_integer_fault {
	JSON_INTEGER_GOOD,
	JSON_INTEGER_FRACTION,
	JSON_INTEGER_HUGE,  /* more than 64 bits */
	JSON_INTEGER_OTHER, /* not a sign and digits */
};

enum json_integer_fault json_integer_of_double(double value, struct json_integer *out);

/* "-123": nothing but a sign and digits. */
enum json_integer_fault json_integer_of_digits(struct bytes text, struct json_integer *out);

bool json_integer_within(struct json_integer integer, const struct json_range *range);

/* The two's complement of all 64 bits; a narrower type takes the lower ones. */
uint64_t json_integer_bits(struct json_integer integer);

/* NaN, Infinity, -Infinity. */
bool json_special_number(struct bytes text, double *out);

enum { JSON_NUMBER_SIZE = 32 };

/* The shortest that reads back as the same number; "NaN", "Infinity", "-Infinity" in quotes. The
 * length. */
size_t json_double_write(double value, char out[JSON_NUMBER_SIZE]);
size_t json_float_write(float value, char out[JSON_NUMBER_SIZE]);
