/* encode - the parameters of a request as libpq's Bind wants them: binary, except text, jsonb and
 * numeric, which go as text.
 *
 * Owns: the storage of encoded arrays. Lifetime: one per pool, used again for each request.
 * What it points to is the request's own memory and this storage: valid until the next encode.
 * Errors: false when there is no memory. */
#pragma once
#include "db/statement.h"

struct encoded {
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX];
	int formats[PARAMS_MAX];
	uint8_t fixed[PARAMS_MAX][8];
	struct buffer arrays;
};

/* The parameters fit the statement: count, types, NULL only where it is declared. */
MUST_CHECK
bool encode_params(struct encoded *encoded, const struct statement *statement,
                   const struct params *params);

/* The parameters of several executions, as the arrays that `many` takes: element n of each is of
 * calls[n], and NULL where that is. Each fits the statement that `many` is for. */
MUST_CHECK
bool encode_many(struct encoded *encoded, const struct statement *many,
                 const struct params *const *calls, size_t count);

void encoded_deinit(struct encoded *encoded);
