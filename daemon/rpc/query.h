/* query - SQL from a handler: one statement, awaited.
 *
 * The rows live as long as the call. What PostgreSQL says becomes a status by db/sqlstate.def; a
 * handler that knows better reads call's error through query_try(). Every wait carries the call's
 * deadline. */
#pragma once
#include "daemon/rpc/rpc.h"
#include "db/pool.h"

/* OK with rows; or a failure that says to the caller what it may know. */
MUST_CHECK
SUSPENDS
enum status query(struct call *call, const struct statement *statement, struct params params,
                  struct rows *rows);

/* The same, and *error tells SQLSTATE and constraint of a failure; `affinity` as in struct
 * db_request. */
MUST_CHECK
SUSPENDS
enum status query_try(struct call *call, const struct statement *statement, struct params params,
                      uint64_t affinity, struct rows *rows, struct db_error *error);
