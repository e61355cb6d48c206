/* Writes that take effect once: when a request_id is looked up, and what its answer means. The
 * database is the test's own. */
#include "daemon/services/keyed.h"
#include "db/queries.h"
#include "prism/v1/membership.pb-c.h"
#include "tests/unit/daemon/rpc/rig.h"
#include "tests/unit/daemon/rpc/script.h"

#include <endian.h>
#include <sodium.h>
#include <stdio.h>

#define REQUEST_ID "10000000-0000-4000-8000-000000000001"

static const struct column_spec columns[] = {{"id", DB_INT8, true}};
static const struct statement statement = {.name = "write",
                                           .lane = LANE_WRITE,
                                           .column_count = 1,
                                           .columns = columns,
                                           .found = 0,
                                           .wrote = STATEMENT_NO_COLUMN};

struct scene {
	struct rig rig;
	struct pool pool;
	struct told told;
	const char *request_id;
	bool anew;
	/* what its handler saw */
	struct keyed keyed;
	struct keyed_effect effect;
	enum status status;
	enum reason reason;
	char message[256], field[64];
};

static enum status writes(struct rig *rig, struct call *call, const Text *text, Text *response)
{
	(void)text, (void)response;
	struct scene *scene = rig->ctx;
	Prism__V1__LeaveOrganizationRequest request = PRISM__V1__LEAVE_ORGANIZATION_REQUEST__INIT;
	request.organization_id = 7;
	request.request_id = (char *)scene->request_id;
	const struct write write = {.statement = &statement};
	struct rows rows;
	enum status status = keyed_begin(call, &request.base, request.request_id, &scene->keyed);
	if (status == STATUS_OK && scene->anew)
		status = keyed_write_anew(call, &scene->keyed, &write, REASON_SLUG_TAKEN, &rows,
		                          &scene->effect);
	else if (status == STATUS_OK)
		status = keyed_write(call, &scene->keyed, &write, &rows, &scene->effect);
	scene->status = status;
	scene->reason = call->reason;
	snprintf(scene->message, sizeof(scene->message), "%s", call->message ? call->message : "");
	snprintf(scene->field, sizeof(scene->field), "%s", call->field ? call->field : "");
	return status;
}

static void start(struct scene *scene, const char *request_id, bool anew)
{
	*scene = (struct scene){.request_id = request_id, .anew = anew};
	assert_true(sodium_init() >= 0);
	rig_begin(&scene->rig, &(struct rig_settings){.pool = &scene->pool});
	scene->rig.handler = writes;
	scene->rig.ctx = scene;
	(void)rig_unary(&scene->rig, "a", 0, &scene->told);
	rig_turn(&scene->rig);
}

static void begin(struct scene *scene, const char *request_id)
{
	start(scene, request_id, false);
}

static void end(struct scene *scene)
{
	rig_turn(&scene->rig);
	assert_null(scene->pool.first);
	assert_true(scene->told.finished);
	rig_end(&scene->rig);
}

/* What the pool is asked now. */
static void assert_asks(struct scene *scene, const struct statement *wanted)
{
	rig_turn(&scene->rig);
	assert_non_null(scene->pool.first);
	assert_ptr_equal(scene->pool.first->statement, wanted);
}

static void assert_ends(struct scene *scene, enum status status, size_t asked)
{
	end(scene);
	assert_string_equal(status_name(scene->status), status_name(status));
	assert_int_equal(scene->pool.submitted, asked);
}

static const struct cell nothing = {NULL, 0};

/* A recorded key: its method, hash, and one id. */
static void answer_known(struct scene *scene, const char *method, bool same_hash)
{
	uint8_t hash[DIGEST_SIZE];
	memcpy(hash, scene->keyed.hash->data, DIGEST_SIZE);
	hash[0] ^= !same_hash;
	const struct {
		uint32_t dimensions, nulls, type, count, lower, len;
		uint32_t id[2];
	} ids = {htobe32(1), 0, htobe32(20), htobe32(1), htobe32(1), htobe32(8), {0, htobe32(42)}};
	uint64_t fact = htobe64(3), version = htobe64(9);
	const struct cell cells[] = {
		{method, strlen(method)},   {hash, DIGEST_SIZE}, {NULL, 0},
		{&ids, sizeof(ids)},        {NULL, 0},           {&fact, sizeof(fact)},
		{&version, sizeof(version)}};
	script_answer_rows(&scene->pool, cells, 1);
}

/* --- without a key -------------------------------------------------------------------------- */

static void without_a_key_nothing_is_looked_up(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, "");
	assert_asks(&scene, &statement);
	script_answer_rows(&scene.pool, &nothing, 1);
	assert_ends(&scene, STATUS_OK, 1);
	assert_null(scene.keyed.request_id);
	assert_null(scene.keyed.hash);
	assert_string_equal(scene.keyed.method, "Unary");
	begin(&scene, "");
	script_violate(&scene.pool, STATUS_ALREADY_EXISTS, "23505", "organizations_slug_key");
	assert_ends(&scene, STATUS_ALREADY_EXISTS, 1);
}

static void a_key_is_a_uuid(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, "once");
	assert_ends(&scene, STATUS_INVALID_ARGUMENT, 0);
	assert_int_equal(scene.reason, REASON_FIELD_INVALID);
	assert_string_equal(scene.field, "request_id");
}

static void a_violated_rule_has_its_reason(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, "");
	script_violate(&scene.pool, STATUS_ALREADY_EXISTS, "23505", "organizations_slug_key");
	assert_ends(&scene, STATUS_ALREADY_EXISTS, 1);
	assert_int_equal(scene.reason, REASON_SLUG_TAKEN);
	assert_string_equal(scene.message, "an organization has this slug already");
	begin(&scene, "");
	script_violate(&scene.pool, STATUS_FAILED_PRECONDITION, "23503", "some_other_fkey");
	assert_ends(&scene, STATUS_FAILED_PRECONDITION, 1);
	assert_int_equal(scene.reason, REASON_NONE);
	assert_null(strstr(scene.message, "some_other_fkey"));
}

/* --- with one -------------------------------------------------------------------------------- */

static void what_was_written_needs_no_look(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, REQUEST_ID);
	assert_asks(&scene, &statement);
	script_answer_number(&scene.pool, 42);
	assert_ends(&scene, STATUS_OK, 1);
	assert_false(scene.effect.repeated);
}

static void what_wrote_nothing_may_be_a_repetition(void **state)
{
	(void)state;
	for (int found = 0; found < 2; found++) {
		struct scene scene;
		begin(&scene, REQUEST_ID);
		script_answer_rows(&scene.pool, &nothing, 1);
		assert_asks(&scene, &IDEMPOTENCY_FIND);
		if (found)
			answer_known(&scene, "Unary", true);
		else
			script_answer_rows(&scene.pool, NULL, 0);
		assert_ends(&scene, STATUS_OK, 2);
		assert_int_equal(scene.effect.repeated, found);
	}
}

static void a_repetition_knows_what_was_done(void **state)
{
	(void)state;
	static const char *const sqlstates[] = {"23505", "23503", "23514"};
	for (size_t i = 0; i < 3; i++) {
		struct scene scene;
		begin(&scene, REQUEST_ID);
		script_violate(&scene.pool, STATUS_ALREADY_EXISTS, sqlstates[i],
		               "organizations_slug_key");
		assert_asks(&scene, &IDEMPOTENCY_FIND);
		answer_known(&scene, "Unary", true);
		assert_ends(&scene, STATUS_OK, 2);
		assert_true(scene.effect.repeated);
		assert_int_equal(scene.effect.count, 1);
		assert_int_equal(scene.effect.fact, 3);
		assert_int_equal(scene.effect.version, 9);
	}
}

static void another_request_is_no_repetition(void **state)
{
	(void)state;
	for (int hash = 0; hash < 2; hash++) {
		struct scene scene;
		begin(&scene, REQUEST_ID);
		script_answer_rows(&scene.pool, &nothing, 1);
		assert_asks(&scene, &IDEMPOTENCY_FIND);
		answer_known(&scene, hash ? "Unary" : "Another", !hash);
		assert_ends(&scene, STATUS_INVALID_ARGUMENT, 2);
		assert_int_equal(scene.reason, REASON_REQUEST_ID_REUSED);
		assert_string_equal(scene.field, "request_id");
	}
}

static void a_refusal_that_is_no_repetition_stays_one(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, REQUEST_ID);
	script_violate(&scene.pool, STATUS_ALREADY_EXISTS, "23505", "organizations_slug_key");
	assert_asks(&scene, &IDEMPOTENCY_FIND);
	script_answer_rows(&scene.pool, NULL, 0);
	assert_ends(&scene, STATUS_ALREADY_EXISTS, 2);
	assert_int_equal(scene.reason, REASON_SLUG_TAKEN);
}

/* The other one was rolled back meanwhile, so that there is nothing to be found. */
static void two_at_once_are_told_to_try_again(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, REQUEST_ID);
	script_violate(&scene.pool, STATUS_ALREADY_EXISTS, "23505", "idempotency_keys_pkey");
	assert_asks(&scene, &IDEMPOTENCY_FIND);
	script_answer_rows(&scene.pool, NULL, 0);
	assert_ends(&scene, STATUS_ABORTED, 2);
}

static void trouble_is_not_looked_into(void **state)
{
	(void)state;
	static const struct {
		enum status status;
		const char *sqlstate;
	} cases[] = {
		{STATUS_UNAVAILABLE, ""}, {STATUS_ABORTED, "40001"}, {STATUS_INTERNAL, "XX000"}};
	for (size_t i = 0; i < 3; i++) {
		struct scene scene;
		begin(&scene, REQUEST_ID);
		script_fail(&scene.pool, cases[i].status, OUTCOME_NOT_EXECUTED, cases[i].sqlstate);
		assert_ends(&scene, cases[i].status, 1);
	}
}

static void a_look_that_fails_is_said(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, REQUEST_ID);
	script_answer_rows(&scene.pool, &nothing, 1);
	assert_asks(&scene, &IDEMPOTENCY_FIND);
	script_fail(&scene.pool, STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED, "");
	assert_ends(&scene, STATUS_UNAVAILABLE, 2);
}

/* --- anew ------------------------------------------------------------------------------------ */

static void what_was_taken_meanwhile_is_tried_anew(void **state)
{
	(void)state;
	for (size_t taken = 0; taken < KEYED_ATTEMPTS; taken++) {
		struct scene scene;
		start(&scene, "", true);
		for (size_t i = 0; i < taken; i++) {
			assert_asks(&scene, &statement);
			script_violate(&scene.pool, STATUS_ALREADY_EXISTS, "23505",
			               "organizations_slug_key");
		}
		assert_asks(&scene, &statement);
		script_answer_number(&scene.pool, 42);
		assert_ends(&scene, STATUS_OK, taken + 1);
	}
}

static void but_not_for_ever(void **state)
{
	(void)state;
	struct scene scene;
	start(&scene, "", true);
	for (size_t i = 0; i < KEYED_ATTEMPTS; i++) {
		assert_asks(&scene, &statement);
		script_violate(&scene.pool, STATUS_ALREADY_EXISTS, "23505",
		               "organizations_slug_key");
	}
	assert_ends(&scene, STATUS_ALREADY_EXISTS, KEYED_ATTEMPTS);
	assert_int_equal(scene.reason, REASON_SLUG_TAKEN);
}

static void and_only_for_that(void **state)
{
	(void)state;
	struct scene scene;
	start(&scene, "", true);
	script_violate(&scene.pool, STATUS_ALREADY_EXISTS, "23505", "users_email_key");
	assert_ends(&scene, STATUS_ALREADY_EXISTS, 1);
	assert_int_equal(scene.reason, REASON_EMAIL_TAKEN);
	start(&scene, "", true);
	script_fail(&scene.pool, STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED, "");
	assert_ends(&scene, STATUS_UNAVAILABLE, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_key_nothing_is_looked_up),
		cmocka_unit_test(a_key_is_a_uuid),
		cmocka_unit_test(a_violated_rule_has_its_reason),
		cmocka_unit_test(what_was_written_needs_no_look),
		cmocka_unit_test(what_wrote_nothing_may_be_a_repetition),
		cmocka_unit_test(a_repetition_knows_what_was_done),
		cmocka_unit_test(another_request_is_no_repetition),
		cmocka_unit_test(a_refusal_that_is_no_repetition_stays_one),
		cmocka_unit_test(two_at_once_are_told_to_try_again),
		cmocka_unit_test(trouble_is_not_looked_into),
		cmocka_unit_test(a_look_that_fails_is_said),
		cmocka_unit_test(what_was_taken_meanwhile_is_tried_anew),
		cmocka_unit_test(but_not_for_ever),
		cmocka_unit_test(and_only_for_that),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
