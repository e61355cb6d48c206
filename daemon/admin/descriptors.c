#include "daemon/admin/descriptors.h"

#include "proto/reader.h"

/* Numbers of fields in descriptor.proto. */
enum {
	SET_FILE = 1,
	FILE_NAME = 1,
	FILE_PACKAGE = 2,
	FILE_IMPORT = 3,
	FILE_MESSAGE = 4,
	FILE_ENUM = 5,
	FILE_SERVICE = 6,
	FILE_EXTENSION = 7,
	MESSAGE_FIELD = 2,
	MESSAGE_NESTED = 3,
	MESSAGE_ENUM = 4,
	MESSAGE_EXTENSION = 6,
	MESSAGE_ONEOF = 8,
	ENUM_VALUE = 2,
	SERVICE_METHOD = 2,
	ANY_NAME = 1, /* of everything that has a name */
	EXTENSION_TYPE = 2,
	EXTENSION_NUMBER = 3,
};

struct field {
	uint32_t number;
	uint64_t value;     /* of a varint */
	struct bytes bytes; /* of what has a length */
};

static bool next_field(struct reader *reader, struct field *field)
{
	if (reader_left(reader) == 0)
		return false;
	uint64_t key = reader_varint(reader);
	*field = (struct field){.number = (uint32_t)(key >> 3)};
	switch (key & 7) {
	case 0:
		field->value = reader_varint(reader);
		break;
	case 1:
		(void)reader_bytes(reader, 8);
		break;
	case 2:
		field->bytes = reader_delimited(reader);
		break;
	case 5:
		(void)reader_bytes(reader, 4);
		break;
	default:
		return false;
	}
	return !reader->failed;
}

/* The first field of this number; data NULL: none. */
static struct bytes text_field(struct bytes message, uint32_t number)
{
	struct reader reader = reader_init(message);
	struct field field;
	while (next_field(&reader, &field))
		if (field.number == number)
			return field.bytes;
	return (struct bytes){NULL, 0};
}

static bool equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Takes `name` and a dot from the front of `path`; false, and nothing is taken: it is not there. */
static bool take_name(struct bytes *path, struct bytes name)
{
	if (name.len == 0 || path->len <= name.len || path->data[name.len] != '.' ||
	    memcmp(path->data, name.data, name.len) != 0)
		return false;
	*path = bytes_of(path->data + name.len + 1, path->len - name.len - 1);
	return true;
}

/* --- what a file declares --------------------------------------------------------------------- */

/* One step of a path down: in what is declared by fields of number `in`, parts of number `part`. */
static bool has_part(struct bytes declaration, uint32_t part, struct bytes name)
{
	struct reader reader = reader_init(declaration);
	struct field field;
	while (next_field(&reader, &field))
		if (field.number == part && equal(text_field(field.bytes, ANY_NAME), name))
			return true;
	return false;
}

/* `path` is relative to the message's scope. Recursion ends with the path's dots. */
static bool message_declares(struct bytes message, struct bytes path)
{
	struct bytes name = text_field(message, ANY_NAME);
	if (equal(name, path))
		return true;
	if (!take_name(&path, name))
		return false;
	struct reader reader = reader_init(message);
	struct field field;
	while (next_field(&reader, &field)) {
		bool named = field.number == MESSAGE_FIELD || field.number == MESSAGE_ENUM ||
		             field.number == MESSAGE_EXTENSION || field.number == MESSAGE_ONEOF;
		if (named && equal(text_field(field.bytes, ANY_NAME), path))
			return true;
		if (field.number == MESSAGE_ENUM && has_part(field.bytes, ENUM_VALUE, path))
			return true;
		if (field.number == MESSAGE_NESTED && message_declares(field.bytes, path))
			return true;
	}
	return false;
}

static bool service_declares(struct bytes service, struct bytes path)
{
	struct bytes name = text_field(service, ANY_NAME);
	return equal(name, path) ||
	       (take_name(&path, name) && has_part(service, SERVICE_METHOD, path));
}

/* Values of an enum are named beside it, not within. */
static bool enum_declares(struct bytes declaration, struct bytes path)
{
	return equal(text_field(declaration, ANY_NAME), path) ||
	       has_part(declaration, ENUM_VALUE, path);
}

static bool file_declares(struct bytes file, struct bytes path)
{
	struct bytes package = text_field(file, FILE_PACKAGE);
	if (package.len > 0 && !take_name(&path, package))
		return false;
	struct reader reader = reader_init(file);
	struct field field;
	bool found = false;
	while (!found && next_field(&reader, &field)) {
		if (field.number == FILE_MESSAGE)
			found = message_declares(field.bytes, path);
		else if (field.number == FILE_SERVICE)
			found = service_declares(field.bytes, path);
		else if (field.number == FILE_ENUM)
			found = enum_declares(field.bytes, path);
		else if (field.number == FILE_EXTENSION)
			found = equal(text_field(field.bytes, ANY_NAME), path);
	}
	return found;
}

/* --- extensions ---------------------------------------------------------------------------------
 */

/* Its number; 0: it extends another type. The type's name has a dot before it. */
static int32_t extension_of(struct bytes extension, struct bytes type)
{
	struct bytes extended = text_field(extension, EXTENSION_TYPE);
	if (extended.len != type.len + 1 || memcmp(extended.data + 1, type.data, type.len) != 0)
		return 0;
	struct reader reader = reader_init(extension);
	struct field field;
	while (next_field(&reader, &field))
		if (field.number == EXTENSION_NUMBER)
			return (int32_t)field.value;
	return 0;
}

static size_t file_extensions(struct bytes file, struct bytes type, int32_t *numbers, size_t most)
{
	struct reader reader = reader_init(file);
	struct field field;
	size_t count = 0;
	while (count < most && next_field(&reader, &field)) {
		int32_t number =
			field.number == FILE_EXTENSION ? extension_of(field.bytes, type) : 0;
		if (number != 0)
			numbers[count++] = number;
	}
	return count;
}

size_t descriptors_extensions(struct bytes set, struct bytes type, int32_t *numbers, size_t most)
{
	struct reader reader = reader_init(set);
	struct field field;
	size_t count = 0;
	while (next_field(&reader, &field))
		if (field.number == SET_FILE)
			count += file_extensions(field.bytes, type, numbers + count, most - count);
	return count;
}

/* --- files
 * ---------------------------------------------------------------------------------------- */

struct bytes descriptors_file(struct bytes set, struct bytes name)
{
	struct reader reader = reader_init(set);
	struct field field;
	while (next_field(&reader, &field))
		if (field.number == SET_FILE && equal(text_field(field.bytes, FILE_NAME), name))
			return field.bytes;
	return (struct bytes){NULL, 0};
}

struct bytes descriptors_declaring(struct bytes set, struct bytes symbol)
{
	struct reader reader = reader_init(set);
	struct field field;
	while (next_field(&reader, &field))
		if (field.number == SET_FILE && file_declares(field.bytes, symbol))
			return field.bytes;
	return (struct bytes){NULL, 0};
}

struct bytes descriptors_extending(struct bytes set, struct bytes type, int32_t number)
{
	struct reader reader = reader_init(set);
	struct field field;
	while (next_field(&reader, &field)) {
		struct reader file = reader_init(field.bytes);
		struct field part;
		while (field.number == SET_FILE && next_field(&file, &part))
			if (part.number == FILE_EXTENSION &&
			    extension_of(part.bytes, type) == number && number != 0)
				return field.bytes;
	}
	return (struct bytes){NULL, 0};
}

static bool imports(struct bytes file, struct bytes name)
{
	struct reader reader = reader_init(file);
	struct field field;
	while (next_field(&reader, &field))
		if (field.number == FILE_IMPORT && equal(field.bytes, name))
			return true;
	return false;
}

static bool any_imports(const struct bytes *files, size_t count, struct bytes name)
{
	for (size_t i = 0; i < count; i++)
		if (imports(files[i], name))
			return true;
	return false;
}

/* Backwards: who imports a file stands behind it. */
size_t descriptors_with_imports(struct bytes set, struct bytes file,
                                struct bytes out[DESCRIPTOR_FILES_MAX])
{
	struct bytes all[DESCRIPTOR_FILES_MAX];
	size_t have = 0, count = 0;
	struct reader reader = reader_init(set);
	struct field field;
	while (have < DESCRIPTOR_FILES_MAX && next_field(&reader, &field))
		if (field.number == SET_FILE)
			all[have++] = field.bytes;
	out[count++] = file;
	while (have-- > 0)
		if (all[have].data != file.data &&
		    any_imports(out, count, text_field(all[have], FILE_NAME)))
			out[count++] = all[have];
	return count;
}
