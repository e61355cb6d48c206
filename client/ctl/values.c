#include "client/ctl/values.h"

#include <jansson.h>
#include <stdio.h>

struct bytes value_start(struct bytes text)
{
	size_t at = 0;
	while (at < text.len && text.data[at] && strchr(" \t\r\n", text.data[at]))
		at++;
	return bytes_of(text.data + at, text.len - at);
}

size_t value_len(struct bytes text, char fault[VALUE_FAULT_SIZE])
{
	json_error_t error;
	/* \u0000: who knows the field says what is wrong with it. */
	json_t *value =
		json_loadb((const char *)text.data, text.len,
	                   JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	json_decref(value);
	if (value)
		return (size_t)error.position;
	snprintf(fault, VALUE_FAULT_SIZE, "%s", error.text);
	return 0;
}
