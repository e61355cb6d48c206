#include "proto/json_text.h"

#include <ctype.h>

/* --- names ---------------------------------------------------------------------- */

/* The next character of a field's lowerCamelCase; '\0' at its end. */
static char name_next(const char **at)
{
	bool upper = false;
	for (; **at == '_'; (*at)++)
		upper = true;
	char c = **at;
	if (c)
		(*at)++;
	return (char)(upper ? toupper((unsigned char)c) : c);
}

size_t json_name(const char *field, char *out, size_t size)
{
	size_t len = 0;
	for (char c; (c = name_next(&field)); len++)
		if (len + 1 < size)
			out[len] = c;
	if (size > 0)
		out[len < size ? len : size - 1] = '\0';
	return len;
}

bool json_name_is(const char *field, const char *key)
{
	if (strcmp(field, key) == 0)
		return true;
	char c;
	do {
		c = name_next(&field);
		if (c != *key++)
			return false;
	} while (c);
	return true;
}

bool json_path_read(struct bytes text, char *out)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (!isalnum(c) && c != '.')
			return false;
		if (isupper(c))
			*out++ = '_';
		*out++ = (char)tolower(c);
	}
	*out = '\0';
	return text.len > 0;
}

bool json_path_write(const char *path, char *out)
{
	if (!*path)
		return false;
	for (; *path; path++) {
		bool joined = *path == '_';
		path += joined;
		if (joined ? !islower((unsigned char)*path)
		           : isupper((unsigned char)*path) ||
		                     (!isalnum((unsigned char)*path) && *path != '.'))
			return false;
		*out++ = (char)(joined ? toupper((unsigned char)*path) : *path);
	}
	*out = '\0';
	return true;
}
