/* json_text - the JSON forms of names.
 *
 * Owns: nothing. Units: lengths in bytes. */
#pragma once
#include "proto/bytes.h"

/* The lowerCamelCase of a field's name, as far as `size` goes: "project_id" -> "projectId". Returns
 * its whole length. */
size_t json_name(const char *field, char *out, size_t size);

/* Whether `key` is one of the field's two names. */
bool json_name_is(const char *field, const char *key);

/* A name of a field mask's path from lowerCamelCase; false if it is none. `out` has 2 * len + 1
 * bytes. */
bool json_path_read(struct bytes text, char *out);

/* A path of a field mask as lowerCamelCase; false if the way back would not lead to it. `out` has
 * room for strlen(path) + 1 bytes. */
bool json_path_write(const char *path, char *out);
