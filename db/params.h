/* params - the typed parameters of one execution of a statement.
 *
 * Nobody builds these by hand: db/queries/NAME.sql declares the parameters, and the build generates
 * `struct NAME_params` and NAME_PARAMS(.field = value, ...), which makes a `struct params`. Owns:
 * nothing; strings, bytes and arrays outlive the request. */
#pragma once
#include "db/types.h"

struct param {
	enum db_type type;
	bool null;
	union {
		bool boolean;
		int64_t integer; /* int2, int4, int8, timestamptz, date */
		struct uuid uuid;
		const char *text; /* text, jsonb, numeric */
		struct bytes bytes;
		struct {
			const void *at; /* int64_t, int32_t, bool, struct uuid, struct bytes or
			                   const char * elements; a text that is NULL is NULL */
			size_t count;
		} array;
	};
};

enum { PARAMS_MAX = 48 };

struct params {
	const struct param *at;
	size_t count;
};
