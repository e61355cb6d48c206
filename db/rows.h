/* rows - what a statement returned: typed access to a PGresult in binary form, without copies.
 *
 * Lifetime: text and bytes point into the result and live until rows_clear(); query() defers that
 * to the call's arena, so a response may point into rows. Generated accessors (NAME_column(rows,
 * i)) call these with the right index and type; a mismatch is an assert, since the registry was
 * checked against the schema before the first row. */
#pragma once
#include "db/statement.h"

struct pg_result;

struct rows {
	struct pg_result *result; /* libpq's PGresult; NULL: none */
	size_t count;
	const struct statement *statement;
};

void rows_clear(struct rows *rows);

size_t rows_size(const struct rows *rows, size_t row); /* bytes of its values */

bool rows_null(const struct rows *rows, size_t row, size_t column);
bool rows_bool(const struct rows *rows, size_t row, size_t column);
int64_t rows_int(const struct rows *rows, size_t row, size_t column); /* int2, int4, int8 */
struct uuid rows_uuid(const struct rows *rows, size_t row, size_t column);
const char *rows_text(const struct rows *rows, size_t row,
                      size_t column); /* NUL-terminated; "" for NULL; text, varchar, enum, jsonb */
struct bytes rows_bytes(const struct rows *rows, size_t row, size_t column);
int64_t rows_timestamp(const struct rows *rows, size_t row,
                       size_t column); /* microseconds since 1970; INT64_MAX/MIN: infinity */
int32_t rows_date(const struct rows *rows, size_t row, size_t column); /* days since 1970 */

/* An array's elements, one after the other. */
struct rows_array {
	struct bytes rest;
	uint32_t count; /* elements that rows_array_next() has not given yet */
};

/* Of a NULL: no elements. */
struct rows_array rows_array(const struct rows *rows, size_t row, size_t column);

/* The next element in its binary form (text: its bytes, without a NUL); a NULL element is
 * {NULL, 0}. False: there is none. */
bool rows_array_next(struct rows_array *array, struct bytes *element);
