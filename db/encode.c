#include "db/encode.h"

#include "db/epoch.h"

#include <assert.h>
#include <endian.h>

/* Element types of arrays, by PostgreSQL's own numbers (pg_type.dat). */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_TIMESTAMPTZ = 1184,
	OID_UUID = 2950
};

enum { ARRAY_HEADER_SIZE = 20, ELEMENT_LENGTH_SIZE = 4 };

static uint8_t *put_32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint8_t *put_64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint8_t *put_bytes(uint8_t *at, const void *data, size_t size)
{
	memcpy(at, data, size);
	return at + size;
}

static bool is_array(enum db_type type)
{
	return type == DB_INT8_ARRAY || type == DB_INT4_ARRAY || type == DB_UUID_ARRAY ||
	       type == DB_TEXT_ARRAY || type == DB_BOOL_ARRAY || type == DB_TIMESTAMPTZ_ARRAY ||
	       type == DB_BYTEA_ARRAY;
}

static const char *text_element(const struct param *param, size_t i)
{
	return ((const char *const *)param->array.at)[i];
}

static int64_t int8_element(const struct param *param, size_t i)
{
	return ((const int64_t *)param->array.at)[i];
}

static struct bytes bytes_element(const struct param *param, size_t i)
{
	return ((const struct bytes *)param->array.at)[i];
}

static bool null_element(const struct param *param, size_t i)
{
	if (param->type == DB_TEXT_ARRAY)
		return !text_element(param, i);
	if (param->type == DB_BYTEA_ARRAY)
		return !bytes_element(param, i).data;
	return param->type == DB_TIMESTAMPTZ_ARRAY && int8_element(param, i) == TIMESTAMP_NULL;
}

/* Bytes of one element without its length. */
static size_t element_size(const struct param *param, size_t i)
{
	if (param->type == DB_INT8_ARRAY || param->type == DB_TIMESTAMPTZ_ARRAY)
		return 8;
	if (param->type == DB_INT4_ARRAY)
		return 4;
	if (param->type == DB_UUID_ARRAY)
		return sizeof(struct uuid);
	if (param->type == DB_BOOL_ARRAY)
		return 1;
	if (param->type == DB_BYTEA_ARRAY)
		return bytes_element(param, i).len;
	const char *text = text_element(param, i);
	return text ? strlen(text) : 0;
}

static uint32_t element_oid(enum db_type type)
{
	if (type == DB_INT8_ARRAY)
		return OID_INT8;
	if (type == DB_INT4_ARRAY)
		return OID_INT4;
	if (type == DB_UUID_ARRAY)
		return OID_UUID;
	if (type == DB_TIMESTAMPTZ_ARRAY)
		return OID_TIMESTAMPTZ;
	if (type == DB_BYTEA_ARRAY)
		return OID_BYTEA;
	return type == DB_BOOL_ARRAY ? OID_BOOL : OID_TEXT;
}

static size_t array_size(const struct param *param)
{
	size_t size = ARRAY_HEADER_SIZE;
	for (size_t i = 0; i < param->array.count; i++)
		size += ELEMENT_LENGTH_SIZE + element_size(param, i);
	return size;
}

/* Of those that go as they are. */
static const void *element_data(const struct param *param, size_t i, size_t size)
{
	if (param->type == DB_TEXT_ARRAY)
		return text_element(param, i);
	if (param->type == DB_BYTEA_ARRAY)
		return bytes_element(param, i).data;
	return (const uint8_t *)param->array.at + i * size;
}

static uint8_t *put_element(uint8_t *at, const struct param *param, size_t i)
{
	if (null_element(param, i))
		return put_32(at, UINT32_MAX); /* -1: NULL */
	size_t size = element_size(param, i);
	at = put_32(at, (uint32_t)size);
	if (param->type == DB_INT8_ARRAY)
		return put_64(at, (uint64_t)int8_element(param, i));
	if (param->type == DB_TIMESTAMPTZ_ARRAY)
		return put_64(at, (uint64_t)epoch_time_to_postgres(int8_element(param, i)));
	if (param->type == DB_INT4_ARRAY)
		return put_32(at, (uint32_t)((const int32_t *)param->array.at)[i]);
	return put_bytes(at, element_data(param, i, size), size);
}

/* One dimension with lower bound 1; an empty array has none. */
static uint8_t *put_header(uint8_t *at, enum db_type type, size_t count, bool has_null)
{
	at = put_32(at, count ? 1 : 0);
	at = put_32(at, has_null);
	at = put_32(at, element_oid(type));
	if (count == 0)
		return at;
	at = put_32(at, (uint32_t)count);
	return put_32(at, 1);
}

static uint8_t *put_array(uint8_t *at, const struct param *param)
{
	size_t count = param->array.count;
	bool has_null = false;
	for (size_t i = 0; i < count; i++)
		has_null = has_null || null_element(param, i);
	at = put_header(at, param->type, count, has_null);
	for (size_t i = 0; i < count; i++)
		at = put_element(at, param, i);
	return at;
}

/* Into eight bytes; how many are used. */
static int put_fixed(uint8_t fixed[8], const struct param *param)
{
	switch (param->type) {
	case DB_BOOL:
		fixed[0] = param->boolean;
		return 1;
	case DB_INT2: {
		uint16_t value = htobe16((uint16_t)param->integer);
		memcpy(fixed, &value, sizeof(value));
		return sizeof(value);
	}
	case DB_INT4:
		return (int)(put_32(fixed, (uint32_t)param->integer) - fixed);
	case DB_DATE:
		return (int)(put_32(fixed, (uint32_t)epoch_date_to_postgres(param->integer)) -
		             fixed);
	case DB_TIMESTAMPTZ:
		return (int)(put_64(fixed, (uint64_t)epoch_time_to_postgres(param->integer)) -
		             fixed);
	case DB_INT8:
		return (int)(put_64(fixed, (uint64_t)param->integer) - fixed);
	case DB_UUID:
	case DB_TEXT:
	case DB_BYTEA:
	case DB_JSONB:
	case DB_NUMERIC:
	case DB_INT8_ARRAY:
	case DB_UUID_ARRAY:
	case DB_TEXT_ARRAY:
	case DB_BOOL_ARRAY:
	case DB_INT4_ARRAY:
	case DB_TIMESTAMPTZ_ARRAY:
	case DB_BYTEA_ARRAY:
		break;
	}
	assert(false && "a type of fixed size");
	return 0;
}

/* The binary form of a value that is not NULL: where it is, or in `fixed`. */
static struct bytes scalar_bytes(const struct param *param, uint8_t fixed[8])
{
	if (param->type == DB_TEXT)
		return bytes_of(param->text, strlen(param->text));
	if (param->type == DB_UUID)
		return bytes_of(param->uuid.byte, sizeof(param->uuid));
	if (param->type == DB_BYTEA) /* NULL would be SQL NULL: empty ones point somewhere else */
		return bytes_of(param->bytes.len ? (const void *)param->bytes.data : "",
		                param->bytes.len);
	return bytes_of(fixed, (size_t)put_fixed(fixed, param));
}

static void encode_scalar(struct encoded *out, size_t i, const struct param *param)
{
	out->formats[i] = 1;
	if (param->type == DB_TEXT || param->type == DB_JSONB || param->type == DB_NUMERIC) {
		assert(param->text);
		out->values[i] = param->text; /* as text, libpq measures it */
		out->lengths[i] = 0;
		out->formats[i] = 0;
	} else {
		struct bytes value = scalar_bytes(param, out->fixed[i]);
		out->values[i] = (const char *)value.data;
		out->lengths[i] = (int)value.len;
	}
}

/* Room for all arrays at once: a buffer that grows later would move what was encoded. */
static bool reserve(struct encoded *out, size_t size)
{
	buffer_consume(&out->arrays, buffer_len(&out->arrays));
	return size == 0 || buffer_reserve(&out->arrays, size) != NULL;
}

/* What was put behind the arrays so far, up to `end`. */
static void encode_array(struct encoded *out, size_t i, const uint8_t *end)
{
	const uint8_t *start = out->arrays.data + out->arrays.end;
	out->arrays.end += (size_t)(end - start);
	out->values[i] = (const char *)start;
	out->lengths[i] = (int)(end - start);
	out->formats[i] = 1;
}

static size_t arrays_size(const struct params *params)
{
	size_t size = 0;
	for (size_t i = 0; i < params->count; i++)
		if (is_array(params->at[i].type))
			size += array_size(&params->at[i]);
	return size;
}

bool encode_params(struct encoded *out, const struct statement *statement,
                   const struct params *params)
{
	assert(params->count == statement->param_count);
	if (!reserve(out, arrays_size(params)))
		return false;
	for (size_t i = 0; i < params->count; i++) {
		const struct param *param = &params->at[i];
		assert(param->type == statement->params[i].type);
		assert(!param->null || statement->params[i].nullable);
		if (param->null) {
			out->values[i] = NULL;
			out->lengths[i] = 0;
			out->formats[i] = 0;
		} else if (is_array(param->type)) {
			encode_array(out, i, put_array(out->arrays.data + out->arrays.end, param));
		} else {
			encode_scalar(out, i, param);
		}
	}
	return true;
}

/* --- several executions as one ---------------------------------------------------------------- */

static size_t calls_size(const struct params *const *calls, size_t count)
{
	uint8_t fixed[8];
	size_t size = calls[0]->count * ARRAY_HEADER_SIZE;
	for (size_t n = 0; n < count; n++)
		for (size_t i = 0; i < calls[n]->count; i++) {
			const struct param *param = &calls[n]->at[i];
			size += ELEMENT_LENGTH_SIZE;
			size += param->null ? 0 : scalar_bytes(param, fixed).len;
		}
	return size;
}

static uint8_t *put_scalar(uint8_t *at, const struct param *param)
{
	if (param->null)
		return put_32(at, UINT32_MAX);
	uint8_t fixed[8];
	struct bytes value = scalar_bytes(param, fixed);
	at = put_32(at, (uint32_t)value.len);
	return put_bytes(at, value.data, value.len);
}

/* Parameter i of each call. */
static uint8_t *put_calls(uint8_t *at, enum db_type type, const struct params *const *calls,
                          size_t count, size_t i)
{
	bool has_null = false;
	for (size_t n = 0; n < count; n++)
		has_null = has_null || calls[n]->at[i].null;
	at = put_header(at, type, count, has_null);
	for (size_t n = 0; n < count; n++)
		at = put_scalar(at, &calls[n]->at[i]);
	return at;
}

bool encode_many(struct encoded *out, const struct statement *many,
                 const struct params *const *calls, size_t count)
{
	assert(count > 0 && calls[0]->count == many->param_count);
	if (!reserve(out, calls_size(calls, count)))
		return false;
	for (size_t i = 0; i < many->param_count; i++)
		encode_array(out, i,
		             put_calls(out->arrays.data + out->arrays.end, many->params[i].type,
		                       calls, count, i));
	return true;
}

void encoded_deinit(struct encoded *encoded)
{
	buffer_deinit(&encoded->arrays);
}
