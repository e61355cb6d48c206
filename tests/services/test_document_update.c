/* UpdateDocument and BatchUpsertDocuments: what changes, for whom, and what must not. */
#include "tests/services/document_calls.h"

static void only_the_named_fields_change(void **state)
{
	(void)state;
	int64_t id = document_make("Old title");
	document_t document = document_of("New title");
	document.slug = "new-slug";
	document.content = "New";
	document.document_type = (Prism__V1__DocumentType)SPEC;
	document.metadata = "{\"a\":1}";
	document_t *updated = document_update(MEMBER, id, &document, "title,metadata", 1, NULL);
	assert_done(updated);
	assert_string_equal(updated->title, "New title");
	assert_string_equal(updated->slug, "old-title");
	assert_string_equal(updated->content, "# Text");
	assert_int_equal(updated->document_type, OTHER);
	assert_string_equal(updated->metadata, "{\"a\": 1}");
	assert_int_equal(updated->version, 2);
	document_drop(updated);
	document.metadata = "";
	updated = document_update(MEMBER, id, &document, "slug,content,document_type,metadata", 2,
	                          NULL);
	assert_done(updated);
	assert_string_equal(updated->slug, "new-slug");
	assert_string_equal(updated->content, "New");
	assert_int_equal(updated->document_type, SPEC);
	assert_string_equal(updated->metadata, "{}");
	document_drop(updated);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_type = 'document' AND "
	              "entity_id = '%ld' AND changes = '{\"slug\": {\"old\": \"old-title\", "
	              "\"new\": \"new-slug\"}, \"content\": {\"changed\": true, \"bytes\": 3}, "
	              "\"document_type\": {\"old\": \"other\", \"new\": \"spec\"}, \"metadata\": "
	              "{\"changed\": true}}'",
	              (long)id),
		1);
}

static void what_changes_nothing_writes_nothing(void **state)
{
	(void)state;
	int64_t id = document_make("Same");
	document_t document = document_of("Same"), *before = document_get(MEMBER, id);
	document.slug = "same";
	document.content = "# Text";
	document.document_type = (Prism__V1__DocumentType)OTHER;
	document.status = (Prism__V1__DocumentStatus)DRAFT;
	document.metadata = " { } ";
	document_t *updated = document_update(
		MEMBER, id, &document, "title,slug,content,document_type,metadata,status", 1, NULL);
	assert_done(updated);
	assert_int_equal(updated->version, 1);
	assert_int_equal(updated->updated_at->seconds, before->updated_at->seconds);
	assert_int_equal(updated->updated_at->nanos, before->updated_at->nanos);
	assert_int_equal(activities("document", id), 1);
	document_drop(updated);
	document_drop(before);
}

static void changes_are_checked(void **state)
{
	(void)state;
	int64_t id = document_make("Checked");
	document_t document = document_of("");
	static const char *const masks[] = {"", "creator_id", "title,published_at", "version"};
	for (size_t i = 0; i < 4; i++) {
		assert_null(document_update(OWNER, id, &document, masks[i], 0, NULL));
		assert_refused_field(PRISM_INVALID_ARGUMENT, "MASK_INVALID", "update_mask");
	}
	static const char *const needed[] = {"title", "slug", "document_type", "status"};
	for (size_t i = 0; i < 4; i++) {
		char field[40];
		snprintf(field, sizeof(field), "document.%s", needed[i]);
		assert_null(document_update(OWNER, id, &document, needed[i], 0, NULL));
		assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", field);
	}
	document.title = "Seen";
	assert_null(document_update(OWNER, id, &document, "title", 2, NULL));
	assert_refused_field(PRISM_ABORTED, "VERSION_STALE", "expected_version");
	assert_null(document_update(VIEWER, id, &document, "title", 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(document_update(OUTSIDER, id, &document, "title", 0, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	long done = document_by_sql(1, 12, "in-a-completed-project");
	assert_null(document_update(OWNER, done, &document, "title", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT count(*) FROM documents WHERE title = 'Seen'"), 0);
}

static void content_is_changed_by_who_has_read_it(void **state)
{
	(void)state;
	int64_t id = document_make("Read");
	document_t document = document_of("");
	document.content = "Mine";
	assert_null(document_update(MEMBER, id, &document, "content", 0, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "expected_version");
	document_drop(document_update(MEMBER, id, &document, "content", 1, NULL));
	assert_refused(PRISM_OK, "");
	document.content = "Mine too";
	assert_null(document_update(MEMBER_2, id, &document, "content", 1, NULL));
	assert_refused(PRISM_ABORTED, "VERSION_STALE");
	assert_int_equal(count("SELECT count(*) FROM documents WHERE content = 'Mine too'"), 0);
}

/* --- the status ----------------------------------------------------------------------------------
 */

static document_t *set_status(const char *actor, int64_t id, int status)
{
	document_t document = document_of("");
	document.status = (Prism__V1__DocumentStatus)status;
	return document_update(actor, id, &document, "status", 0, NULL);
}

static void expect_status(int64_t id, int status, bool published_at)
{
	document_t *updated = set_status(ADMIN, id, status);
	assert_done(updated);
	assert_int_equal(updated->status, status);
	assert_int_equal(updated->published_at != NULL, published_at);
	document_drop(updated);
}

static void statuses_have_their_ways(void **state)
{
	(void)state;
	int64_t id = document_make("Goes");
	expect_status(id, ARCHIVED, false);
	assert_null(set_status(ADMIN, id, PUBLISHED));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "STATUS_TRANSITION", "document.status");
	expect_status(id, DRAFT, false);
	expect_status(id, PUBLISHED, true);
	expect_status(id, DRAFT, false);
	expect_status(id, PUBLISHED, true);
	expect_status(id, ARCHIVED, true);
	expect_status(id, DRAFT, true);
	expect_status(id, PUBLISHED, true);
}

/* Of the last draft -> published; archiving keeps it. */
static void published_at_is_of_the_last_time(void **state)
{
	(void)state;
	int64_t id = document_make("Out");
	document_drop(set_status(ADMIN, id, PUBLISHED));
	count("UPDATE documents SET published_at = '2020-01-01Z' WHERE id = %ld RETURNING 1",
	      (long)id);
	document_t *archived = set_status(ADMIN, id, ARCHIVED);
	assert_int_equal(archived->published_at->seconds, 1577836800);
	document_drop(archived);
	document_drop(set_status(ADMIN, id, DRAFT));
	document_t *again = set_status(ADMIN, id, PUBLISHED);
	assert_done(again);
	assert_true(again->published_at->seconds > 1577836800);
	document_drop(again);
}

static void nothing_empty_is_published(void **state)
{
	(void)state;
	document_t document = document_of("Empty");
	document_t *made = document_create(MEMBER, 11, &document, NULL);
	assert_done(made);
	assert_null(set_status(MEMBER, made->id, PUBLISHED));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "CONTENT_EMPTY", "document.status");
	document.content = "Now";
	document.status = (Prism__V1__DocumentStatus)PUBLISHED;
	document_t *out = document_update(MEMBER, made->id, &document, "content,status", 1, NULL);
	assert_done(out);
	assert_string_equal(out->content, "Now");
	document_drop(out);
	document_drop(made);
}

/* Its creator, the project's owner (MEMBER), admins; not any member. */
static void publishing_is_for_few(void **state)
{
	(void)state;
	document_t document = document_of("By an admin");
	document.content = "Text";
	document_t *made = document_create(ADMIN, 11, &document, NULL);
	assert_done(made);
	assert_null(set_status(MEMBER_2, made->id, PUBLISHED));
	assert_refused_field(PRISM_PERMISSION_DENIED, "NOT_YOURS", "document.status");
	document.title = "By any member";
	document_t *renamed = document_update(MEMBER_2, made->id, &document, "title", 0, NULL);
	assert_done(renamed);
	document_drop(renamed);
	int64_t theirs = document_make("By member 2");
	static const char *const those[] = {MEMBER_2, MEMBER, ADMIN, OWNER, NULL};
	for (size_t i = 0; i < 5; i++) {
		document_t *changed = set_status(those[i], theirs, i % 2 ? DRAFT : PUBLISHED);
		assert_done(changed);
		document_drop(changed);
	}
	document_drop(made);
}

static void a_slug_that_is_out_is_for_admins(void **state)
{
	(void)state;
	int64_t id = document_make("Linked");
	document_drop(set_status(MEMBER_2, id, PUBLISHED));
	document_t document = document_of("Linked");
	document.slug = "linked";
	document_t *same = document_update(MEMBER_2, id, &document, "slug,title", 0, NULL);
	assert_done(same);
	document_drop(same);
	document.slug = "moved";
	assert_null(document_update(MEMBER_2, id, &document, "slug", 0, NULL));
	assert_refused_field(PRISM_PERMISSION_DENIED, "NOT_YOURS", "document.slug");
	document_t *moved = document_update(ADMIN, id, &document, "slug", 0, NULL);
	assert_done(moved);
	document_drop(moved);
	(void)document_make("Taken");
	document.slug = "taken";
	assert_null(document_update(ADMIN, id, &document, "slug", 0, NULL));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SLUG_TAKEN", "document.slug");
}

static void a_repeated_update_has_one_effect(void **state)
{
	(void)state;
	int64_t id = document_make("Repeats");
	document_t first = document_of("First"), second = document_of("Second");
	document_drop(document_update(MEMBER, id, &first, "title", 1, REQUEST_ID(2)));
	document_drop(document_update(ADMIN, id, &second, "title", 0, NULL));
	document_t *again = document_update(MEMBER, id, &first, "title", 1, REQUEST_ID(2));
	assert_done(again);
	assert_string_equal(again->title, "Second");
	assert_int_equal(again->version, 3);
	document_drop(again);
	assert_null(document_update(MEMBER, id, &second, "title", 1, REQUEST_ID(2)));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
}

/* --- by external ids -----------------------------------------------------------------------------
 */

static Prism__V1__BatchUpsertDocumentsResponse *upsert(const char *actor, int64_t project,
                                                       document_t **documents, size_t n)
{
	Prism__V1__BatchUpsertDocumentsRequest request =
		PRISM__V1__BATCH_UPSERT_DOCUMENTS_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	request.external_source = "source";
	request.documents = documents;
	request.n_documents = n;
	Prism__V1__BatchUpsertDocumentsResponse *response = NULL;
	(void)prism_v1_document_service_batch_upsert_documents_wait(as(actor), NULL, &request,
	                                                            &response, &tenant.result);
	return response;
}

/* 'c' created, 'u' updated, '-' unchanged, 'd' deleted before; each id is that of its external id.
 */
static void assert_effects(document_t **documents, size_t n, const char *effects)
{
	Prism__V1__BatchUpsertDocumentsResponse *response = upsert(NULL, 10, documents, n);
	assert_done(response);
	assert_int_equal(response->n_results, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal("?cu-d"[response->results[i]->effect], effects[i]);
		assert_int_equal(response->results[i]->id,
		                 count("SELECT id FROM documents WHERE project_id = 10 AND "
		                       "external_source = 'source' AND external_id = '%s'",
		                       documents[i]->external_id));
	}
	prism__v1__batch_upsert_documents_response__free_unpacked(response, NULL);
}

static document_t external(const char *id, const char *title)
{
	document_t document = document_of(title);
	document.external_id = (char *)id;
	return document;
}

static int clear(void **state)
{
	(void)state;
	cluster_sql(tenant.stack.cluster, "DELETE FROM documents WHERE project_id = 10");
	return 0;
}

static void an_upsert_makes_changes_or_leaves_alone(void **state)
{
	(void)state;
	document_t a = external("A", "Aa"), b = external("B", "Bb"), c = external("C", "Cc");
	document_t *two[] = {&b, &a}, *three[] = {&c, &a, &b};
	Google__Protobuf__Timestamp then = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	then.seconds = 1700000000;
	a.status = (Prism__V1__DocumentStatus)PUBLISHED;
	a.content = "Text";
	a.metadata = "{\"k\":[1,2]}";
	a.has_creator_id_case = PRISM__V1__DOCUMENT__HAS_CREATOR_ID_CREATOR_ID;
	a.creator_id = MEMBER_2;
	a.created_at = &then;
	a.published_at = &then;
	b.status = (Prism__V1__DocumentStatus)PUBLISHED;
	assert_effects(two, 2, "cc");
	assert_int_equal(count("SELECT count(*) FROM documents WHERE external_id = 'A' AND status ="
	                       " 'published' AND content = 'Text' AND creator_id = '" MEMBER_2
	                       "' AND metadata = '{\"k\": [1, 2]}' AND slug = 'aa' AND created_at ="
	                       " to_timestamp(1700000000) AND published_at = created_at"),
	                 1);
	long log = count("SELECT count(*) FROM activity_log");
	assert_effects(two, 2, "--");
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log);
	a.title = "Aaa";
	a.content = "Other text";
	assert_effects(three, 3, "cu-");
	assert_effects(three, 3, "---");
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log + 2);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE changes = '{\"title\": {\"old\": "
	              "\"Aa\", \"new\": \"Aaa\"}, \"content\": {\"changed\": true, \"bytes\": "
	              "10}}'"),
		1);
	count("UPDATE documents SET deleted_at = now() WHERE external_id = 'C' RETURNING 1");
	c.title = "Ccc";
	assert_effects(three, 3, "d--");
}

/* Those of the request, and those that are there. */
static void made_slugs_evade_each_other(void **state)
{
	(void)state;
	document_t docs[] = {external("1", "Notes"),  external("2", "Notes"),
	                     external("3", "NOTES!"), external("4", "Notes 2"),
	                     external("5", "Plan"),   external("6", "Other")};
	document_t *all[6];
	for (size_t i = 0; i < 6; i++)
		all[i] = &docs[i];
	docs[5].slug = "plan";
	(void)document_by_sql(1, 10, "notes");
	assert_effects(all, 6, "cccccc");
	assert_int_equal(count("SELECT count(DISTINCT slug) FROM documents WHERE project_id = 10"),
	                 7);
	assert_int_equal(count("SELECT count(*) FROM documents WHERE (external_id, slug) IN (('4',"
	                       " 'notes-2'), ('5', 'plan-2'), ('6', 'plan'))"),
	                 3);
	assert_effects(all, 6, "------");
}

static void an_upsert_says_which_is_at_fault(void **state)
{
	(void)state;
	document_t a = external("A", "Aa"), b = external("B", "Bb"), *two[] = {&a, &b};
	(void)document_by_sql(1, 10, "taken");
	b.slug = "taken";
	assert_null(upsert(NULL, 10, two, 2));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SLUG_TAKEN", "documents[1].slug");
	a.slug = b.slug = "both";
	assert_null(upsert(NULL, 10, two, 2));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SLUG_TAKEN", "documents[1].slug");
	b = external("B", "Bb");
	b.has_creator_id_case = PRISM__V1__DOCUMENT__HAS_CREATOR_ID_CREATOR_ID;
	b.creator_id = USER(9);
	assert_null(upsert(NULL, 10, two, 2));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "CREATOR_NOT_FOUND",
	                     "documents[1].creator_id");
	b = external("B", "Bb");
	b.metadata = "[1]";
	assert_null(upsert(NULL, 10, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "documents[1].metadata");
	b = external("A", "Bb");
	assert_null(upsert(NULL, 10, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "documents");
	Google__Protobuf__Timestamp never = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	never.seconds = INT64_MIN;
	b = external("B", "Bb");
	b.published_at = &never;
	assert_null(upsert(NULL, 10, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "documents[1].published_at");
	static const char *const people[] = {OWNER, ADMIN, MEMBER, VIEWER, OUTSIDER};
	for (size_t i = 0; i < 5; i++) {
		assert_null(upsert(people[i], 10, two, 1));
		assert_refused(PRISM_PERMISSION_DENIED, "SCOPE_TOO_LOW");
	}
	assert_null(upsert(NULL, 20, two, 1));
	assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	assert_int_equal(count("SELECT count(*) FROM documents WHERE external_source = 'source'"),
	                 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_named_fields_change),
		cmocka_unit_test(what_changes_nothing_writes_nothing),
		cmocka_unit_test(changes_are_checked),
		cmocka_unit_test(content_is_changed_by_who_has_read_it),
		cmocka_unit_test(statuses_have_their_ways),
		cmocka_unit_test(published_at_is_of_the_last_time),
		cmocka_unit_test(nothing_empty_is_published),
		cmocka_unit_test(publishing_is_for_few),
		cmocka_unit_test(a_slug_that_is_out_is_for_admins),
		cmocka_unit_test(a_repeated_update_has_one_effect),
		cmocka_unit_test_setup(an_upsert_makes_changes_or_leaves_alone, clear),
		cmocka_unit_test_setup(made_slugs_evade_each_other, clear),
		cmocka_unit_test_setup(an_upsert_says_which_is_at_fault, clear),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
