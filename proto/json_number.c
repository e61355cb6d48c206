#include "proto/json_number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BITS_64 18446744073709551616.0

/* --- integers ----------------------------------------------------------------------- */

enum json_integer_fault json_integer_of_double(double value, struct json_integer *out)
{
	if (fabs(value) >= BITS_64)
		return JSON_INTEGER_HUGE;
	if (value != floor(value))
		return JSON_INTEGER_FRACTION;
	*out = (struct json_integer){(uint64_t)fabs(value), value < 0};
	return JSON_INTEGER_GOOD;
}

enum json_integer_fault json_integer_of_digits(struct bytes text, struct json_integer *out)
{
	bool negative = text.len > 0 && text.data[0] == '-', huge = false;
	uint64_t magnitude = 0;
	if (text.len == negative)
		return JSON_INTEGER_OTHER;
	for (size_t i = negative; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return JSON_INTEGER_OTHER;
		huge |= __builtin_mul_overflow(magnitude, 10, &magnitude) ||
		        __builtin_add_overflow(magnitude, text.data[i] - '0', &magnitude);
	}
	*out = (struct json_integer){magnitude, negative};
	return huge ? JSON_INTEGER_HUGE : JSON_INTEGER_GOOD;
}

bool json_integer_within(struct json_integer integer, const struct json_range *range)
{
	return integer.magnitude <= (integer.negative ? range->lowest : range->highest);
}

uint64_t json_integer_bits(struct json_integer integer)
{
	return integer.negative ? -integer.magnitude : integer.magnitude;
}

/* --- floating point ------------------------------------------------------------------- */

bool json_special_number(struct bytes text, double *out)
{
	if (bytes_equal_string(text, "NaN"))
		*out = (double)NAN;
	else if (bytes_equal_string(text, "Infinity"))
		*out = (double)INFINITY;
	else if (bytes_equal_string(text, "-Infinity"))
		*out = -(double)INFINITY;
	else
		return false;
	return true;
}

static const char *special(double value)
{
	if (isnan(value))
		return "\"NaN\"";
	if (isinf(value))
		return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
	return value == 0 && signbit(value) ? "-0.0" : NULL;
}

/* JSON's decimal point is a dot, whatever the locale's is. */
static size_t dotted(char out[JSON_NUMBER_SIZE])
{
	size_t len = 0;
	for (; out[len]; len++)
		if (!isalnum((unsigned char)out[len]) && out[len] != '-' && out[len] != '+')
			out[len] = '.';
	return len;
}

size_t json_double_write(double value, char out[JSON_NUMBER_SIZE])
{
	const char *fixed = special(value);
	if (fixed)
		return (size_t)snprintf(out, JSON_NUMBER_SIZE, "%s", fixed);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, JSON_NUMBER_SIZE, "%.*g", digits, value);
		if (strtod(out, NULL) == value)
			break;
	}
	return dotted(out);
}

size_t json_float_write(float value, char out[JSON_NUMBER_SIZE])
{
	const char *fixed = special((double)value);
	if (fixed)
		return (size_t)snprintf(out, JSON_NUMBER_SIZE, "%s", fixed);
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(out, JSON_NUMBER_SIZE, "%.*g", digits, (double)value);
		if (strtof(out, NULL) == value)
			break;
	}
	return dotted(out);
}
