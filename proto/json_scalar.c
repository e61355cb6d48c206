#include "proto/json_scalar.h"

#include "proto/base64.h"
#include "proto/json_number.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

/* --- what is wrong ---------------------------------------------------------------------- */

static const char *kind_of(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

enum status json_fail_kind(const struct json_place *place, const char *needed, const json_t *json)
{
	return json_fail(place, STATUS_INVALID_ARGUMENT, "%s is needed, not %s", needed,
	                 kind_of(json));
}

enum status json_fail_form(const struct json_place *place, const char *needed)
{
	return json_fail(place, STATUS_INVALID_ARGUMENT, "%s is needed", needed);
}

enum status json_fail_memory(const struct json_place *place, const struct arena *arena)
{
	return json_fail(place, STATUS_RESOURCE_EXHAUSTED, "the memory (%zu bytes) is used up",
	                 arena->limit);
}

/* --- text ---------------------------------------------------------------------------------- */

enum status json_string_text(const struct json_place *place, const char *needed, const json_t *json,
                             struct bytes *out)
{
	if (!json_is_string(json))
		return json_fail_kind(place, needed, json);
	*out = bytes_of(json_string_value(json), json_string_length(json));
	if (memchr(out->data, 0, out->len))
		return json_fail(place, STATUS_INVALID_ARGUMENT,
		                 "U+0000 is not allowed in a string");
	return STATUS_OK;
}

static enum status string_read(struct arena *arena, const struct json_place *place,
                               const json_t *json, char **out)
{
	struct bytes text;
	TRY(json_string_text(place, "a string", json, &text));
	char *copy = arena_string(arena, text);
	if (!copy)
		return json_fail_memory(place, arena);
	*out = copy;
	return STATUS_OK;
}

static enum status bytes_read(struct arena *arena, const struct json_place *place,
                              const json_t *json, ProtobufCBinaryData *out)
{
	static const char NEEDED[] = "base64 (letters, digits, + and /, or - and _)";
	struct bytes text;
	TRY(json_string_text(place, NEEDED, json, &text));
	uint8_t *data = arena_alloc(arena, base64_data_len(text.len));
	if (!data)
		return json_fail_memory(place, arena);
	size_t len;
	if (!base64_read(text, data, &len))
		return json_fail_form(place, NEEDED);
	*out = (ProtobufCBinaryData){len, data};
	return STATUS_OK;
}

/* --- numbers ------------------------------------------------------------------------------- */

static const struct json_range RANGE_INT32 = {(uint64_t)INT32_MAX + 1, INT32_MAX};
static const struct json_range RANGE_UINT32 = {0, UINT32_MAX};
static const struct json_range RANGE_INT64 = {(uint64_t)INT64_MAX + 1, INT64_MAX};
static const struct json_range RANGE_UINT64 = {0, UINT64_MAX};

static enum status fail_range(const struct json_place *place, const struct json_range *range)
{
	return json_fail(place, STATUS_INVALID_ARGUMENT,
	                 "out of range, %s%" PRIu64 " to %" PRIu64 " is allowed",
	                 range->lowest > 0 ? "-" : "", range->lowest, range->highest);
}

static enum status integer_fault(const struct json_place *place, const struct json_range *range,
                                 enum json_integer_fault fault)
{
	switch (fault) {
	case JSON_INTEGER_FRACTION:
		return json_fail(place, STATUS_INVALID_ARGUMENT,
		                 "an integer is needed, not a fraction");
	case JSON_INTEGER_OTHER:
		return json_fail(place, STATUS_INVALID_ARGUMENT,
		                 "an integer is needed, and the string is none");
	case JSON_INTEGER_HUGE:
		return fail_range(place, range);
	case JSON_INTEGER_GOOD:
		break;
	}
	return STATUS_OK;
}

/* A number in quotes, by JSON's rules; NULL: it is none. */
static json_t *quoted_number(struct bytes text)
{
	bool begins = text.len > 0 &&
	              (text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9'));
	bool ends = begins && text.data[text.len - 1] >= '0' && text.data[text.len - 1] <= '9';
	return ends ? json_loadb((const char *)text.data, text.len, JSON_DECODE_ANY, NULL) : NULL;
}

static enum status integer_from_string(const struct json_place *place,
                                       const struct json_range *range, const json_t *json,
                                       struct json_integer *out)
{
	struct bytes text;
	TRY(json_string_text(place, "an integer", json, &text));
	enum json_integer_fault fault = json_integer_of_digits(text, out);
	json_t *number = fault == JSON_INTEGER_OTHER ? quoted_number(text) : NULL;
	if (number)
		fault = json_integer_of_double(json_number_value(number), out);
	json_decref(number);
	return integer_fault(place, range, fault);
}

static enum status integer_read(const struct json_place *place, const struct json_range *range,
                                const json_t *json, struct json_integer *out)
{
	struct json_integer integer = {0};
	if (json_is_integer(json)) {
		json_int_t value = json_integer_value(json);
		integer.negative = value < 0;
		integer.magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	} else if (json_is_real(json)) {
		TRY(integer_fault(place, range,
		                  json_integer_of_double(json_real_value(json), &integer)));
	} else if (json_is_string(json)) {
		TRY(integer_from_string(place, range, json, &integer));
	} else {
		return json_fail_kind(place, "an integer", json);
	}
	if (!json_integer_within(integer, range))
		return fail_range(place, range);
	*out = integer;
	return STATUS_OK;
}

static enum status read_32(const struct json_place *place, const struct json_range *range,
                           const json_t *json, uint32_t *out)
{
	struct json_integer integer;
	TRY(integer_read(place, range, json, &integer));
	*out = (uint32_t)json_integer_bits(integer);
	return STATUS_OK;
}

static enum status read_64(const struct json_place *place, const struct json_range *range,
                           const json_t *json, uint64_t *out)
{
	struct json_integer integer;
	TRY(integer_read(place, range, json, &integer));
	*out = json_integer_bits(integer);
	return STATUS_OK;
}

static enum status double_read(const struct json_place *place, const json_t *json, double *out)
{
	static const char NEEDED[] = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"";
	if (json_is_number(json)) {
		*out = json_number_value(json);
		return STATUS_OK;
	}
	struct bytes text;
	TRY(json_string_text(place, NEEDED, json, &text));
	if (json_special_number(text, out))
		return STATUS_OK;
	json_t *number = quoted_number(text);
	if (!number)
		return json_fail_form(place, NEEDED);
	*out = json_number_value(number);
	json_decref(number);
	return STATUS_OK;
}

static enum status float_read(const struct json_place *place, const json_t *json, float *out)
{
	double value = 0;
	TRY(double_read(place, json, &value));
	/* Up to half a unit above it, a number is rounded to the largest float. */
	if (isfinite(value) && isinf((float)value))
		return json_fail(place, STATUS_INVALID_ARGUMENT,
		                 "out of range, -%g to %g is allowed", (double)FLT_MAX,
		                 (double)FLT_MAX);
	*out = (float)value;
	return STATUS_OK;
}

static enum status bool_read(const struct json_place *place, const json_t *json,
                             protobuf_c_boolean *out)
{
	if (!json_is_boolean(json))
		return json_fail_kind(place, "true or false", json);
	*out = json_is_true(json);
	return STATUS_OK;
}

static enum status enum_read(const struct json_place *place,
                             const ProtobufCEnumDescriptor *descriptor, const json_t *json,
                             uint32_t *out)
{
	if (json_is_number(json))
		return read_32(place, &RANGE_INT32, json, out);
	struct bytes text;
	TRY(json_string_text(place, "the name of a value", json, &text));
	const char *name = (const char *)text.data;
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value_by_name(descriptor, name);
	if (!value)
		return json_fail_enum(place, descriptor, name);
	*out = (uint32_t)value->value;
	return STATUS_OK;
}

/* --- by type -----------------------------------------------------------------------------------
 */

enum status json_scalar_read(struct arena *arena, const struct json_place *place,
                             const ProtobufCFieldDescriptor *field, const json_t *json, void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return read_32(place, &RANGE_INT32, json, value);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return read_32(place, &RANGE_UINT32, json, value);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return read_64(place, &RANGE_INT64, json, value);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return read_64(place, &RANGE_UINT64, json, value);
	case PROTOBUF_C_TYPE_FLOAT:
		return float_read(place, json, value);
	case PROTOBUF_C_TYPE_DOUBLE:
		return double_read(place, json, value);
	case PROTOBUF_C_TYPE_BOOL:
		return bool_read(place, json, value);
	case PROTOBUF_C_TYPE_ENUM:
		return enum_read(place, field->descriptor, json, value);
	case PROTOBUF_C_TYPE_STRING:
		return string_read(arena, place, json, value);
	case PROTOBUF_C_TYPE_BYTES:
		return bytes_read(arena, place, json, value);
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	return STATUS_INTERNAL;
}
