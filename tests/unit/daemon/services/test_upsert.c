/* What batch upserts have in common: whose fault it is, and what became of each element. */
#include "daemon/services/upsert.h"
#include "db/queries.h"
#include "tests/unit/daemon/rpc/bare_call.h"
#include "tests/unit/daemon/rpc/script.h"

#include <endian.h>

static int set_up(void **state)
{
	*state = bare_call(LIMIT_CALL_ARENA);
	return 0;
}

static int tear_down(void **state)
{
	bare_call_free(*state);
	return 0;
}

static void paths_name_the_element(void **state)
{
	struct call *call = *state;
	assert_string_equal(upsert_path(call, "epics", 3, "name"), "epics[3].name");
}

static void each_has_an_id_of_the_requests_source(void **state)
{
	struct call *call = *state;
	assert_int_equal(upsert_check(call, "epics", 1, "jira", "", "A-1"), STATUS_OK);
	assert_int_equal(upsert_check(call, "epics", 1, "jira", "jira", "A-1"), STATUS_OK);
	assert_int_equal(upsert_check(call, "epics", 1, "jira", "jira", ""),
	                 STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_FIELD_INVALID, "epics[1].external_id",
	              "epics[1].external_id: must not be empty");
	assert_int_equal(upsert_check(call, "epics", 2, "jira", "linear", "A-1"),
	                 STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_FIELD_INVALID, "epics[2].external_source",
	              "epics[2].external_source: is not the request's external_source");
}

static void a_project_is_there_and_open(void **state)
{
	struct call *call = *state;
	static const uint8_t yes = 1, no = 0;
	static const struct {
		const uint8_t *found, *open;
		enum reason reason;
	} cases[] = {
		{&yes, &yes, REASON_NONE},
		{&no, &no, REASON_PROJECT_NOT_FOUND},
		{&no, &yes, REASON_PROJECT_NOT_FOUND},
		{&yes, &no, REASON_PROJECT_COMPLETED},
	};
	static const struct column_spec columns[] = {{"found", DB_BOOL, false},
	                                             {"open", DB_BOOL, false}};
	static const struct statement place = {
		.name = "place", .column_count = 2, .columns = columns};
	for (size_t i = 0; i < 4; i++) {
		const struct cell cells[] = {{cases[i].found, 1}, {cases[i].open, 1}};
		struct rows rows = script_rows(&place, cells, 1);
		enum status status = project_place(call, &rows, 0);
		if (cases[i].reason == REASON_NONE)
			assert_int_equal(status, STATUS_OK);
		else
			assert_string_equal(reason_name(call->reason),
			                    reason_name(cases[i].reason));
		rows_clear(&rows);
	}
}

/* Of the rows' columns, these are read: id, effect and, for stories, number. */
static void results_come_in_the_order_of_the_rows(void **state)
{
	struct call *call = *state;
	enum { ROWS = 3, COLUMNS = 4 };
	static const struct column_spec columns[] = {{"rank", DB_INT4, true},
	                                             {"id", DB_INT8, false},
	                                             {"effect", DB_INT4, false},
	                                             {"number", DB_INT8, false}};
	static const struct statement statement = {
		.name = "upserted", .column_count = COLUMNS, .columns = columns};
	static const int64_t ids[ROWS] = {7, 5, 6};
	uint64_t wire_ids[ROWS], wire_numbers[ROWS];
	uint32_t wire_effects[ROWS], rank = htobe32(2);
	struct cell cells[ROWS * COLUMNS];
	for (size_t i = 0; i < ROWS; i++) {
		wire_ids[i] = htobe64((uint64_t)ids[i]);
		wire_effects[i] = htobe32((uint32_t)i + 1);
		wire_numbers[i] = htobe64(100 + i);
		cells[i * COLUMNS] = (struct cell){&rank, sizeof(rank)};
		cells[i * COLUMNS + 1] = (struct cell){&wire_ids[i], sizeof(*wire_ids)};
		cells[i * COLUMNS + 2] = (struct cell){&wire_effects[i], sizeof(*wire_effects)};
		cells[i * COLUMNS + 3] = (struct cell){&wire_numbers[i], sizeof(*wire_numbers)};
	}
	struct rows rows = script_rows(&statement, cells, ROWS);
	for (int numbers = 0; numbers < 2; numbers++) {
		Prism__V1__UpsertResult **results = NULL;
		size_t count = 0;
		assert_int_equal(upsert_results(call, &rows, numbers, &results, &count), STATUS_OK);
		assert_int_equal(count, ROWS);
		for (size_t i = 0; i < ROWS; i++) {
			assert_int_equal(results[i]->id, ids[i]);
			assert_int_equal(results[i]->effect, i + 1);
			assert_int_equal(results[i]->number, numbers ? 100 + (int64_t)i : 0);
		}
	}
	rows_clear(&rows);
}

static void without_memory_that_is_said(void **state)
{
	(void)state;
	struct call *call = bare_call(0);
	assert_null(upsert_path(call, "epics", 0, "name"));
	assert_int_equal(upsert_check(call, "epics", 0, "jira", "", ""), STATUS_RESOURCE_EXHAUSTED);
	bare_call_free(call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_name_the_element),
		cmocka_unit_test(each_has_an_id_of_the_requests_source),
		cmocka_unit_test(a_project_is_there_and_open),
		cmocka_unit_test(results_come_in_the_order_of_the_rows),
		cmocka_unit_test(without_memory_that_is_said),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
