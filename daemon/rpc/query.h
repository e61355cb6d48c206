/* query - SQL from a handler: one statement, awaited.
 *
 * The rows live as long as the call. What PostgreSQL says becomes a status by db/sqlstate.def; a
 * handler that knows better looks at the error of query_try(). Every wait carries the call's
 * deadline. What was serialised away or dead-locked (40001, 40P01), the pool has sent again
 * already, up to LIMIT_QUERY_RETRIES times. Errors: the text is for the caller and names nothing
 * inside; the log gets call->cause. A write that was sent and not answered leaves OUTCOME_UNKNOWN.
 */
#pragma once
#include "daemon/rpc/rpc.h"
#include "db/pool.h"

/* OK with rows; or a failure that says to the caller what it may know. */
MUST_CHECK
SUSPENDS
enum status query(struct call *call, const struct statement *statement, struct params params,
                  struct rows *rows);

/* The same, and *error tells SQLSTATE and constraint of a failure (empty if the database did not
 * fail it; as long as the call); `affinity` as in struct db_request. */
MUST_CHECK
SUSPENDS
enum status query_try(struct call *call, const struct statement *statement, struct params params,
                      uint64_t affinity, struct rows *rows, struct db_error *error);

/* A write: one statement, or two in one transaction. `lock` takes the locks under which `statement`
 * then sees what others have committed meanwhile; a statement of its own does not see what it
 * waited for. */
struct write {
	const struct statement *statement;
	struct params params;
	const struct statement *lock; /* NULL: none */
	struct params lock_params;
	uint64_t affinity; /* as in struct db_request */
};

/* As query_try(). */
MUST_CHECK
SUSPENDS
enum status query_write(struct call *call, const struct write *write, struct rows *rows,
                        struct db_error *error);
