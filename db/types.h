/* types - the PostgreSQL types that statements use, and their binary forms
 * (https://www.postgresql.org/docs/15/protocol-overview.html#PROTOCOL-FORMAT-CODES).
 *
 * Units: timestamps in microseconds and dates in days since 1970-01-01 (Unix), converted at this
 * edge from PostgreSQL's 2000-01-01. */
#pragma once
#include "proto/arena.h"

enum db_type {
	DB_BOOL,
	DB_INT2,
	DB_INT4,
	DB_INT8,
	DB_UUID,
	DB_TEXT, /* text, varchar, enums and jsonb as text parameters */
	DB_BYTEA,
	DB_JSONB,
	DB_TIMESTAMPTZ,
	DB_DATE,
	DB_NUMERIC, /* as text both ways: exact decimals */
	DB_INT8_ARRAY,
	DB_UUID_ARRAY,
	DB_TEXT_ARRAY,
	DB_BOOL_ARRAY,
	DB_INT4_ARRAY,
	DB_TIMESTAMPTZ_ARRAY, /* elements: TIMESTAMP_NULL is NULL */
	DB_BYTEA_ARRAY,       /* elements: struct bytes; without data it is NULL */
};

struct uuid {
	uint8_t byte[16];
};

enum { UUID_TEXT_SIZE = 37 };

/* No time, as an element of an array of times. */
#define TIMESTAMP_NULL INT64_MIN

/* Text is 8-4-4-4-12 hexadecimal digits, in any case; written in lower case. */
MUST_CHECK
bool uuid_parse(const char *text, struct uuid *out);
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE]);
/* Version 4 (RFC 9562), from libuuid. */
struct uuid uuid_random(void);
/* Version 7 (RFC 9562, 5.7): time-ordered, for row ids made in the daemon; not for secrets.
 * `now_ms` is Unix time. */
struct uuid uuid_ordered(uint64_t now_ms);
