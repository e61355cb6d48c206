#include "db/rows.h"

#include "db/epoch.h"

#include <assert.h>
#include <endian.h>
#include <libpq-fe.h>

void rows_clear(struct rows *rows)
{
	PQclear(rows->result);
	*rows = (struct rows){0};
}

/* The column's declared type, for the asserts below. */
static enum db_type type_of(const struct rows *rows, size_t row, size_t column)
{
	assert(row < rows->count && column < rows->statement->column_count);
	return rows->statement->columns[column].type;
}

bool rows_null(const struct rows *rows, size_t row, size_t column)
{
	(void)type_of(rows, row, column);
	return PQgetisnull(rows->result, (int)row, (int)column);
}

/* The value's bytes; NUL-terminated and aligned by libpq. Empty for NULL. */
static struct bytes value_of(const struct rows *rows, size_t row, size_t column)
{
	return bytes_of(PQgetvalue(rows->result, (int)row, (int)column),
	                (size_t)PQgetlength(rows->result, (int)row, (int)column));
}

bool rows_bool(const struct rows *rows, size_t row, size_t column)
{
	assert(type_of(rows, row, column) == DB_BOOL);
	struct bytes value = value_of(rows, row, column);
	return value.len == 1 && value.data[0];
}

size_t rows_size(const struct rows *rows, size_t row)
{
	size_t size = 0;
	for (size_t column = 0; column < rows->statement->column_count; column++)
		size += value_of(rows, row, column).len;
	return size;
}

/* A big-endian two's complement of 2, 4 or 8 bytes; 0 for NULL. */
static int64_t integer_of(struct bytes value)
{
	if (value.len == sizeof(uint64_t)) {
		uint64_t wide;
		memcpy(&wide, value.data, sizeof(wide));
		return (int64_t)be64toh(wide);
	}
	if (value.len == sizeof(uint32_t)) {
		uint32_t word;
		memcpy(&word, value.data, sizeof(word));
		return (int32_t)be32toh(word);
	}
	if (value.len == sizeof(uint16_t)) {
		uint16_t half;
		memcpy(&half, value.data, sizeof(half));
		return (int16_t)be16toh(half);
	}
	return 0;
}

int64_t rows_int(const struct rows *rows, size_t row, size_t column)
{
	enum db_type type = type_of(rows, row, column);
	assert(type == DB_INT8 || type == DB_INT4 || type == DB_INT2);
	return integer_of(value_of(rows, row, column));
}

struct uuid rows_uuid(const struct rows *rows, size_t row, size_t column)
{
	assert(type_of(rows, row, column) == DB_UUID);
	struct bytes value = value_of(rows, row, column);
	struct uuid result = {{0}};
	if (value.len == sizeof(result.byte))
		memcpy(result.byte, value.data, sizeof(result.byte));
	return result;
}

const char *rows_text(const struct rows *rows, size_t row, size_t column)
{
	enum db_type type = type_of(rows, row, column);
	assert(type == DB_TEXT || type == DB_JSONB || type == DB_NUMERIC);
	struct bytes value = value_of(rows, row, column);
	if (type == DB_JSONB && value.len > 0)
		value.data++; /* the version of jsonb's binary form */
	return (const char *)value.data;
}

struct bytes rows_bytes(const struct rows *rows, size_t row, size_t column)
{
	assert(type_of(rows, row, column) == DB_BYTEA);
	return value_of(rows, row, column);
}

int64_t rows_timestamp(const struct rows *rows, size_t row, size_t column)
{
	assert(type_of(rows, row, column) == DB_TIMESTAMPTZ);
	struct bytes value = value_of(rows, row, column);
	return value.len ? epoch_time_from_postgres(integer_of(value)) : 0;
}

int32_t rows_date(const struct rows *rows, size_t row, size_t column)
{
	assert(type_of(rows, row, column) == DB_DATE);
	struct bytes value = value_of(rows, row, column);
	return value.len ? epoch_date_from_postgres((int32_t)integer_of(value)) : 0;
}

static uint32_t take_32(struct bytes *bytes)
{
	uint32_t value;
	assert(bytes->len >= sizeof(value));
	memcpy(&value, bytes->data, sizeof(value));
	*bytes = bytes_of(bytes->data + sizeof(value), bytes->len - sizeof(value));
	return be32toh(value);
}

struct rows_array rows_array(const struct rows *rows, size_t row, size_t column)
{
	enum db_type type = type_of(rows, row, column);
	assert(type == DB_INT8_ARRAY || type == DB_INT4_ARRAY || type == DB_UUID_ARRAY ||
	       type == DB_TEXT_ARRAY || type == DB_BOOL_ARRAY);
	struct bytes value = value_of(rows, row, column);
	/* dimensions, whether NULLs are there, element type; length and lower bound of each
	 * dimension */
	if (value.len < 20 || take_32(&value) != 1)
		return (struct rows_array){0};
	(void)take_32(&value);
	(void)take_32(&value);
	uint32_t count = take_32(&value);
	(void)take_32(&value);
	return (struct rows_array){value, count};
}

bool rows_array_next(struct rows_array *array, struct bytes *element)
{
	if (array->count == 0 || array->rest.len < sizeof(uint32_t))
		return false;
	array->count--;
	uint32_t length = take_32(&array->rest);
	if (length == UINT32_MAX || length > array->rest.len) {
		*element = (struct bytes){0};
		return true;
	}
	*element = bytes_of(array->rest.data, length);
	array->rest = bytes_of(array->rest.data + length, array->rest.len - length);
	return true;
}
