/* EpicService: what is made, found, listed, changed and imported, for whom, and why not. */
#include "prism/v1/epic.prism-client.h"
#include "tests/services/request.h"

typedef Prism__V1__Epic epic_t;

enum {
	OPEN = PRISM__V1__EPIC_STATUS__EPIC_STATUS_OPEN,
	CLOSED = PRISM__V1__EPIC_STATUS__EPIC_STATUS_CLOSED,
};

static epic_t epic_of(const char *name)
{
	epic_t epic = PRISM__V1__EPIC__INIT;
	epic.name = (char *)name;
	return epic;
}

static epic_t *create(const char *actor, int64_t project, epic_t *epic, const char *request_id)
{
	Prism__V1__CreateEpicRequest request = PRISM__V1__CREATE_EPIC_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	request.epic = epic;
	request.request_id = (char *)(request_id ? request_id : "");
	epic_t *made = NULL;
	(void)prism_v1_epic_service_create_epic_wait(as(actor), NULL, &request, &made,
	                                             &tenant.result);
	return made;
}

static epic_t *get(const char *actor, int64_t id)
{
	Prism__V1__GetEpicRequest request = PRISM__V1__GET_EPIC_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	epic_t *epic = NULL;
	(void)prism_v1_epic_service_get_epic_wait(as(actor), NULL, &request, &epic, &tenant.result);
	return epic;
}

static epic_t *update(const char *actor, int64_t id, epic_t *epic, const char *mask,
                      int32_t expected_version, const char *request_id)
{
	Prism__V1__UpdateEpicRequest request = PRISM__V1__UPDATE_EPIC_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.epic = epic;
	request.update_mask = mask_of(mask);
	request.expected_version = expected_version;
	request.request_id = (char *)(request_id ? request_id : "");
	epic_t *updated = NULL;
	(void)prism_v1_epic_service_update_epic_wait(as(actor), NULL, &request, &updated,
	                                             &tenant.result);
	return updated;
}

static void drop(epic_t *epic)
{
	prism__v1__epic__free_unpacked(epic, NULL);
}

/* An epic of project 10, by the service. */
static int64_t make(const char *name)
{
	epic_t epic = epic_of(name), *made = create(MEMBER, 10, &epic, NULL);
	assert_done(made);
	int64_t id = made->id;
	drop(made);
	return id;
}

static long by_sql(int organization, int project, const char *name)
{
	return count("INSERT INTO epics (organization_id, project_id, name) VALUES (%d, %d, '%s')"
	             " RETURNING id",
	             organization, project, name);
}

/* --- making ------------------------------------------------------------------------------------
 */

static void everything_given_comes_back(void **state)
{
	(void)state;
	epic_t epic = epic_of("Whole");
	epic.description = "What for";
	epic.status = (Prism__V1__EpicStatus)CLOSED;
	epic.external_source = "tracker";
	epic.external_id = "whole";
	epic_t *made = create(MEMBER, 10, &epic, NULL);
	assert_done(made);
	epic_t *read = get(VIEWER, made->id);
	epic_t *const both[] = {made, read};
	for (size_t i = 0; i < 2; i++) {
		assert_done(both[i]);
		assert_int_equal(both[i]->id, made->id);
		assert_int_equal(both[i]->organization_id, 1);
		assert_int_equal(both[i]->project_id, 10);
		assert_string_equal(both[i]->name, "Whole");
		assert_string_equal(both[i]->description, "What for");
		assert_int_equal(both[i]->status, CLOSED);
		assert_string_equal(both[i]->external_source, "tracker");
		assert_string_equal(both[i]->external_id, "whole");
		assert_int_equal(both[i]->version, 1);
		assert_non_null(both[i]->created_at);
		assert_non_null(both[i]->updated_at);
	}
	assert_int_equal(activities("epic", made->id), 1);
	assert_null(create(MEMBER, 10, &epic, NULL));
	assert_refused_field(PRISM_ALREADY_EXISTS, "EXTERNAL_ID_TAKEN", "epic.external_id");
	epic_t *elsewhere = create(MEMBER, 11, &epic, NULL);
	assert_done(elsewhere);
	drop(elsewhere);
	drop(made);
	drop(read);
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	epic_t epic = epic_of("Bare"), *made = create(MEMBER, 10, &epic, NULL);
	assert_done(made);
	assert_int_equal(made->status, OPEN);
	assert_int_equal(count("SELECT count(*) FROM epics WHERE id = %ld AND description IS NULL"
	                       " AND external_source IS NULL AND external_id IS NULL",
	                       (long)made->id),
	                 1);
	drop(made);
}

static void making_is_for_members(void **state)
{
	(void)state;
	epic_t epic = epic_of("Refused");
	assert_null(create(VIEWER, 10, &epic, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	static const char *const strangers[] = {OUTSIDER, INACTIVE};
	for (size_t i = 0; i < 2; i++) {
		assert_null(create(strangers[i], 10, &epic, NULL));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		assert_null(create(OWNER, missing[i], &epic, NULL));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	assert_null(create(OWNER, 12, &epic, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT count(*) FROM epics WHERE name = 'Refused'"), 0);
	epic_t *imported = create(NULL, 12, &epic, NULL);
	assert_done(imported);
	drop(imported);
}

static void expect_bad(epic_t epic, const char *field)
{
	assert_null(create(ADMIN, 10, &epic, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", field);
}

static void fields_have_rules(void **state)
{
	(void)state;
	expect_bad(epic_of(""), "epic.name");
	expect_bad(epic_of(" Bad"), "epic.name");
	expect_bad(epic_of(text_of(256)), "epic.name");
	epic_t epic = epic_of("Bad");
	epic.description = text_of(65537);
	expect_bad(epic, "epic.description");
	epic = epic_of("Bad");
	epic.status = (Prism__V1__EpicStatus)3;
	expect_bad(epic, "epic.status");
	epic = epic_of("Bad");
	epic.external_source = "tracker";
	expect_bad(epic, "epic.external_id");
	epic.external_id = text_of(256);
	expect_bad(epic, "epic.external_id");
	assert_null(create(ADMIN, 10, &epic, "no-uuid"));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	epic = epic_of(text_of(255));
	epic_t *made = create(ADMIN, 10, &epic, NULL);
	assert_done(made);
	drop(made);
}

static void imports_need_the_system_scope(void **state)
{
	(void)state;
	Google__Protobuf__Timestamp then = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	then.seconds = 1700000000;
	then.nanos = 123456000;
	epic_t epic = epic_of("Of old");
	epic.created_at = &then;
	assert_null(create(OWNER, 10, &epic, NULL));
	assert_refused_field(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD", "epic.created_at");
	epic_t *made = create(NULL, 10, &epic, NULL);
	assert_done(made);
	assert_int_equal(made->created_at->seconds, then.seconds);
	assert_int_equal(made->created_at->nanos, then.nanos);
	drop(made);
	then.nanos = -1;
	assert_null(create(NULL, 10, &epic, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epic.created_at");
}

static void a_repeated_creation_has_one_effect(void **state)
{
	(void)state;
	epic_t epic = epic_of("Once");
	epic_t *first = create(MEMBER, 10, &epic, REQUEST_ID(1));
	epic_t *again = create(MEMBER, 10, &epic, REQUEST_ID(1));
	assert_done(first);
	assert_done(again);
	assert_int_equal(first->id, again->id);
	assert_int_equal(again->project_id, 10);
	assert_int_equal(count("SELECT count(*) FROM epics WHERE name = 'Once'"), 1);
	assert_int_equal(activities("epic", first->id), 1);
	epic_t other = epic_of("Twice");
	assert_null(create(MEMBER, 10, &other, REQUEST_ID(1)));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED", "request_id");
	assert_null(create(MEMBER, 11, &epic, REQUEST_ID(1)));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED", "request_id");
	assert_null(update(MEMBER, first->id, &epic, "name", 0, REQUEST_ID(1)));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	drop(again);
	count("DELETE FROM epics WHERE id = %ld RETURNING 1", (long)first->id);
	again = create(MEMBER, 10, &epic, REQUEST_ID(1));
	assert_done(again);
	assert_int_equal(again->id, first->id);
	assert_string_equal(again->name, "");
	drop(again);
	drop(first);
}

/* --- finding ------------------------------------------------------------------------------------
 */

static void finding_is_for_members(void **state)
{
	(void)state;
	long deleted = by_sql(1, 10, "Deleted");
	count("UPDATE epics SET deleted_at = now() WHERE id = %ld RETURNING 1", deleted);
	const long missing[] = {by_sql(1, 13, "Hidden"), by_sql(2, 20, "Theirs"), deleted, 99999};
	epic_t epic = epic_of("Found");
	for (size_t i = 0; i < 4; i++) {
		assert_null(get(OWNER, missing[i]));
		assert_refused(PRISM_NOT_FOUND, "EPIC_NOT_FOUND");
		assert_null(update(OWNER, missing[i], &epic, "name", 0, NULL));
		assert_refused(PRISM_NOT_FOUND, "EPIC_NOT_FOUND");
	}
	static const char *const strangers[] = {OUTSIDER, INACTIVE};
	for (size_t i = 0; i < 2; i++) {
		assert_null(get(strangers[i], 6));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_null(get(OWNER, 0));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "id");
}

static Prism__V1__ListEpicsResponse *page(const char *actor,
                                          const Prism__V1__ListEpicsRequest *request)
{
	Prism__V1__ListEpicsResponse *response = NULL;
	(void)prism_v1_epic_service_list_epics_wait(as(actor), NULL, request, &response,
	                                            &tenant.result);
	return response;
}

static Prism__V1__ListEpicsRequest list_of(int64_t project)
{
	Prism__V1__ListEpicsRequest request = PRISM__V1__LIST_EPICS_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	return request;
}

/* Epics come and go behind and before the pages: those that stay are listed once. */
static void assert_lists(Prism__V1__ListEpicsRequest request, const int64_t *ids, size_t n)
{
	char token[1025] = "";
	size_t seen = 0;
	request.page_size = 2;
	do {
		long passing = by_sql(1, (int)request.project_id, "Passing");
		request.page_token = token;
		Prism__V1__ListEpicsResponse *response = page(VIEWER, &request);
		assert_done(response);
		for (size_t i = 0; i < response->n_epics; i++)
			if (strcmp(response->epics[i]->name, "Passing") != 0) {
				assert_true(seen < n);
				assert_int_equal(response->epics[i]->id, ids[seen++]);
			}
		snprintf(token, sizeof(token), "%s", response->next_page_token);
		prism__v1__list_epics_response__free_unpacked(response, NULL);
		count("DELETE FROM epics WHERE id = %ld RETURNING 1", passing);
	} while (token[0]);
	assert_int_equal(seen, n);
}

static void lists_are_filtered_and_paged(void **state)
{
	(void)state;
	int64_t all[9], closed[3];
	count("DELETE FROM epics WHERE project_id = 11 RETURNING 1");
	for (size_t i = 0; i < 9; i++)
		all[i] = by_sql(1, 11, "Listed");
	for (size_t i = 0; i < 3; i++) {
		closed[i] = all[i * 3 + 1];
		count("UPDATE epics SET status = 'closed' WHERE id = %ld RETURNING 1",
		      (long)closed[i]);
	}
	long gone = by_sql(1, 11, "Gone");
	count("UPDATE epics SET deleted_at = now() WHERE id = %ld RETURNING 1", gone);
	Prism__V1__ListEpicsRequest request = list_of(11);
	Prism__V1__EpicStatus status = (Prism__V1__EpicStatus)CLOSED;
	assert_lists(request, all, 9);
	request.statuses = &status;
	request.n_statuses = 1;
	assert_lists(request, closed, 3);
	Prism__V1__ListEpicsRequest empty = list_of(12);
	count("DELETE FROM epics WHERE project_id = 12 RETURNING 1");
	Prism__V1__ListEpicsResponse *none = page(VIEWER, &empty);
	assert_done(none);
	assert_int_equal(none->n_epics, 0);
	prism__v1__list_epics_response__free_unpacked(none, NULL);
}

static void lists_have_rules(void **state)
{
	(void)state;
	Prism__V1__ListEpicsRequest request = list_of(10);
	(void)by_sql(1, 10, "First");
	(void)by_sql(1, 10, "Second");
	request.page_size = 1;
	Prism__V1__ListEpicsResponse *first = page(VIEWER, &request);
	assert_done(first);
	request.page_token = first->next_page_token;
	assert_null(page(MEMBER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "page_token");
	request.project_id = 11;
	assert_null(page(VIEWER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "page_token");
	prism__v1__list_epics_response__free_unpacked(first, NULL);
	request.page_token = "";
	assert_null(page(OUTSIDER, &request));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		request.project_id = missing[i];
		assert_null(page(OWNER, &request));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	Prism__V1__EpicStatus bad[] = {(Prism__V1__EpicStatus)OPEN, (Prism__V1__EpicStatus)7};
	request.statuses = bad;
	request.n_statuses = 2;
	assert_null(page(OWNER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "statuses[1]");
}

/* --- changing -----------------------------------------------------------------------------------
 */

static void only_the_named_fields_change(void **state)
{
	(void)state;
	int64_t id = make("Old");
	epic_t epic = epic_of("New");
	epic.description = "Text";
	epic.status = (Prism__V1__EpicStatus)CLOSED;
	epic_t *updated = update(MEMBER_2, id, &epic, "description,status", 1, NULL);
	assert_done(updated);
	assert_string_equal(updated->name, "Old");
	assert_string_equal(updated->description, "Text");
	assert_int_equal(updated->status, CLOSED);
	assert_int_equal(updated->version, 2);
	assert_int_equal(updated->project_id, 10);
	drop(updated);
	epic.description = "";
	updated = update(MEMBER, id, &epic, "name,description", 2, NULL);
	assert_done(updated);
	assert_string_equal(updated->name, "New");
	assert_string_equal(updated->description, "");
	drop(updated);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_type = 'epic' AND entity_id ="
	              " '%ld' AND project_id = 10 AND changes IN ('{\"status\": {\"old\": "
	              "\"open\", \"new\": \"closed\"}, \"description\": {\"changed\": true}}', "
	              "'{\"name\": {\"old\": \"Old\", \"new\": \"New\"}, \"description\": "
	              "{\"changed\": true}}')",
	              (long)id),
		2);
}

static void what_changes_nothing_writes_nothing(void **state)
{
	(void)state;
	int64_t id = make("Same");
	epic_t epic = epic_of("Same"), *before = get(MEMBER, id);
	epic.status = (Prism__V1__EpicStatus)OPEN;
	epic_t *updated = update(MEMBER, id, &epic, "name,description,status", 1, NULL);
	assert_done(updated);
	assert_int_equal(updated->version, 1);
	assert_int_equal(updated->updated_at->seconds, before->updated_at->seconds);
	assert_int_equal(updated->updated_at->nanos, before->updated_at->nanos);
	assert_int_equal(activities("epic", id), 1);
	drop(updated);
	drop(before);
}

static void changes_are_checked(void **state)
{
	(void)state;
	int64_t id = make("Checked");
	epic_t epic = epic_of("");
	static const char *const masks[] = {"", "external_id", "name,project_id", "created_at"};
	for (size_t i = 0; i < 4; i++) {
		assert_null(update(OWNER, id, &epic, masks[i], 0, NULL));
		assert_refused_field(PRISM_INVALID_ARGUMENT, "MASK_INVALID", "update_mask");
	}
	assert_null(update(OWNER, id, &epic, "name", 0, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epic.name");
	assert_null(update(OWNER, id, &epic, "status", 0, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epic.status");
	epic.name = "Seen";
	assert_null(update(OWNER, id, &epic, "name", 7, NULL));
	assert_refused_field(PRISM_ABORTED, "VERSION_STALE", "expected_version");
	assert_non_null(strstr(tenant.result.message, "version 1"));
	assert_null(update(OWNER, id, &epic, "name", -1, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "expected_version");
	assert_null(update(VIEWER, id, &epic, "name", 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(update(OUTSIDER, id, &epic, "name", 0, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	long done = by_sql(1, 12, "In a completed project");
	assert_null(update(OWNER, done, &epic, "name", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT count(*) FROM epics WHERE name = 'Seen'"), 0);
}

static void a_repeated_update_has_one_effect(void **state)
{
	(void)state;
	int64_t id = make("Repeats");
	epic_t first = epic_of("First"), second = epic_of("Second");
	drop(update(MEMBER, id, &first, "name", 1, REQUEST_ID(2)));
	drop(update(ADMIN, id, &second, "name", 0, NULL));
	epic_t *again = update(MEMBER, id, &first, "name", 1, REQUEST_ID(2));
	assert_done(again);
	assert_string_equal(again->name, "Second");
	assert_int_equal(again->version, 3);
	drop(again);
	assert_null(update(MEMBER, id, &first, "name", 0, REQUEST_ID(2)));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
}

/* --- by external ids -----------------------------------------------------------------------------
 */

static Prism__V1__BatchUpsertEpicsResponse *upsert(const char *actor, int64_t project,
                                                   epic_t **epics, size_t n)
{
	Prism__V1__BatchUpsertEpicsRequest request = PRISM__V1__BATCH_UPSERT_EPICS_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	request.external_source = "source";
	request.epics = epics;
	request.n_epics = n;
	Prism__V1__BatchUpsertEpicsResponse *response = NULL;
	(void)prism_v1_epic_service_batch_upsert_epics_wait(as(actor), NULL, &request, &response,
	                                                    &tenant.result);
	return response;
}

/* 'c' created, 'u' updated, '-' unchanged, 'd' deleted before; each id is that of its external id.
 */
static void assert_effects(const char *actor, epic_t **epics, size_t n, const char *effects)
{
	Prism__V1__BatchUpsertEpicsResponse *response = upsert(actor, 10, epics, n);
	assert_done(response);
	assert_int_equal(response->n_results, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal("?cu-d"[response->results[i]->effect], effects[i]);
		assert_int_equal(response->results[i]->id,
		                 count("SELECT id FROM epics WHERE project_id = 10 AND "
		                       "external_source = 'source' AND external_id = '%s'",
		                       epics[i]->external_id));
	}
	prism__v1__batch_upsert_epics_response__free_unpacked(response, NULL);
}

static epic_t external(const char *id, const char *name)
{
	epic_t epic = epic_of(name);
	epic.external_id = (char *)id;
	return epic;
}

static void an_upsert_makes_changes_or_leaves_alone(void **state)
{
	(void)state;
	epic_t a = external("A", "Aa"), b = external("B", "Bb"), c = external("C", "Cc");
	epic_t *two[] = {&b, &a}, *three[] = {&c, &a, &b};
	b.status = (Prism__V1__EpicStatus)CLOSED;
	assert_effects(MEMBER, two, 2, "cc");
	long log = count("SELECT count(*) FROM activity_log");
	assert_effects(MEMBER, two, 2, "--");
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log);
	a.name = "Aaa";
	a.description = "New";
	assert_effects(ADMIN, three, 3, "cu-");
	assert_effects(ADMIN, three, 3, "---");
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log + 2);
	assert_int_equal(count("SELECT version FROM epics WHERE external_id = 'A'"), 2);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_type = 'epic' AND changes = "
	              "'{\"name\": {\"old\": \"Aa\", \"new\": \"Aaa\"}, \"description\": "
	              "{\"changed\": true}}'"),
		1);
	count("UPDATE epics SET deleted_at = now() WHERE external_id = 'C' RETURNING 1");
	c.name = "Ccc";
	assert_effects(ADMIN, three, 3, "d--");
	assert_int_equal(count("SELECT count(*) FROM epics WHERE name = 'Ccc'"), 0);
}

static void an_upsert_says_what_is_wrong(void **state)
{
	(void)state;
	epic_t a = external("E", "Ee"), b = external("E", "Again");
	epic_t *two[] = {&a, &b}, *many[501];
	assert_null(upsert(MEMBER, 10, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epics");
	b = external("", "No id");
	assert_null(upsert(MEMBER, 10, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epics[1].external_id");
	b = external("F", "");
	assert_null(upsert(MEMBER, 10, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epics[1].name");
	b = external("F", "Elsewhere");
	b.external_source = "other";
	assert_null(upsert(MEMBER, 10, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epics[1].external_source");
	Google__Protobuf__Timestamp then = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	b = external("F", "Of old");
	b.created_at = &then;
	assert_null(upsert(OWNER, 10, two, 2));
	assert_refused_field(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD", "epics[1].created_at");
	for (size_t i = 0; i < 501; i++)
		many[i] = &a;
	assert_null(upsert(MEMBER, 10, many, 501));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epics");
	assert_null(upsert(MEMBER, 10, many, 0));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "epics");
	assert_null(upsert(VIEWER, 10, two, 1));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(upsert(OUTSIDER, 10, two, 1));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	assert_null(upsert(OWNER, 12, two, 1));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_null(upsert(OWNER, 20, two, 1));
	assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	assert_int_equal(count("SELECT count(*) FROM epics WHERE external_id IN ('E', 'F')"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_given_comes_back),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(making_is_for_members),
		cmocka_unit_test(fields_have_rules),
		cmocka_unit_test(imports_need_the_system_scope),
		cmocka_unit_test(a_repeated_creation_has_one_effect),
		cmocka_unit_test(finding_is_for_members),
		cmocka_unit_test(lists_are_filtered_and_paged),
		cmocka_unit_test(lists_have_rules),
		cmocka_unit_test(only_the_named_fields_change),
		cmocka_unit_test(what_changes_nothing_writes_nothing),
		cmocka_unit_test(changes_are_checked),
		cmocka_unit_test(a_repeated_update_has_one_effect),
		cmocka_unit_test(an_upsert_makes_changes_or_leaves_alone),
		cmocka_unit_test(an_upsert_says_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
