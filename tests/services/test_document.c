/* DocumentService: what is made, found and listed, for whom, and why not. */
#include "tests/services/document_calls.h"

/* --- making ------------------------------------------------------------------------------------
 */

static void everything_given_comes_back(void **state)
{
	(void)state;
	document_t document = document_of("Whole");
	document.slug = "all-of-it";
	document.content = "# \xc3\x9c"
			   "berschrift\n";
	document.document_type = (Prism__V1__DocumentType)PRD;
	document.metadata = "{\"n\": 12345678901234567890.125, \"a\": [1, {\"b\": null}]}";
	document.external_source = "tracker";
	document.external_id = "whole";
	document_t *made = document_create(MEMBER, 10, &document, NULL);
	assert_done(made);
	document_t *by_id = document_get(MEMBER_2, made->id);
	document_t *by_slug = document_get_by_slug(ADMIN, 10, "all-of-it");
	document_t *const all[] = {made, by_id, by_slug};
	for (size_t i = 0; i < 3; i++) {
		assert_done(all[i]);
		assert_int_equal(all[i]->id, made->id);
		assert_int_equal(all[i]->organization_id, 1);
		assert_int_equal(all[i]->project_id, 10);
		assert_string_equal(all[i]->title, "Whole");
		assert_string_equal(all[i]->slug, "all-of-it");
		assert_string_equal(all[i]->content, document.content);
		assert_int_equal(all[i]->document_type, PRD);
		assert_int_equal(all[i]->status, DRAFT);
		assert_string_equal(all[i]->creator_id, MEMBER);
		assert_string_equal(all[i]->metadata,
		                    "{\"a\": [1, {\"b\": null}], \"n\": 12345678901234567890.125}");
		assert_int_equal(all[i]->version, 1);
		assert_null(all[i]->published_at);
		assert_string_equal(all[i]->external_id, "whole");
	}
	assert_int_equal(activities("document", made->id), 1);
	document.slug = "another";
	assert_null(document_create(MEMBER, 10, &document, NULL));
	assert_refused_field(PRISM_ALREADY_EXISTS, "EXTERNAL_ID_TAKEN", "document.external_id");
	document_drop(made);
	document_drop(by_id);
	document_drop(by_slug);
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	document_t document = document_of("Bare");
	document_t *made = document_create(NULL, 10, &document, NULL);
	assert_done(made);
	assert_int_equal(made->document_type, OTHER);
	assert_int_equal(made->status, DRAFT);
	assert_int_equal(made->has_creator_id_case, PRISM__V1__DOCUMENT__HAS_CREATOR_ID__NOT_SET);
	assert_string_equal(made->metadata, "{}");
	assert_string_equal(made->content, "");
	document_drop(made);
}

static void expect_slug(const char *title, const char *slug)
{
	document_t document = document_of(title);
	document_t *made = document_create(MEMBER, 10, &document, NULL);
	assert_done(made);
	if (slug)
		assert_string_equal(made->slug, slug);
	else
		assert_int_equal(strncmp(made->slug, "doc-", 4), 0);
	document_drop(made);
}

static void a_slug_is_made_of_the_title(void **state)
{
	(void)state;
	static const char *const slugs[][2] = {
		{"How it works", "how-it-works"},
		{"How it -- works!", "how-it-works-2"},
		{"HOW IT WORKS", "how-it-works-3"},
		{"\xc3\x9c"
	         "ber \xef\xac\x81"
	         "ne Caf\xc3\xa9s",
	         "uber-fine-cafes"},
		{"v1.2", "v1-2"},
		{"\xe6\x97\xa5\xe6\x9c\xac", NULL},
		{"!!!", NULL},
	};
	for (size_t i = 0; i < sizeof(slugs) / sizeof(*slugs); i++)
		expect_slug(slugs[i][0], slugs[i][1]);
	char *longest = text_of(255), cut[256];
	expect_slug(longest, longest);
	snprintf(cut, sizeof(cut), "%.253s-2", longest);
	expect_slug(text_of(255), cut);
}

static void a_slug_is_of_one_document(void **state)
{
	(void)state;
	document_t document = document_of("Taken");
	document.slug = "taken";
	document_drop(document_create(MEMBER, 10, &document, NULL));
	assert_refused(PRISM_OK, "");
	assert_null(document_create(ADMIN, 10, &document, NULL));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SLUG_TAKEN", "document.slug");
	document_t *elsewhere = document_create(MEMBER, 11, &document, NULL);
	assert_done(elsewhere);
	document_drop(elsewhere);
	count("UPDATE documents SET deleted_at = now() WHERE project_id = 10 AND slug = 'taken' "
	      "RETURNING 1");
	document_t *again = document_create(MEMBER, 10, &document, NULL);
	assert_done(again);
	document_drop(again);
}

static void ten_thousand_titles_are_too_many(void **state)
{
	(void)state;
	count("INSERT INTO documents (organization_id, project_id, title, slug) SELECT 1, 11, "
	      "'Untitled', CASE n WHEN 1 THEN 'untitled' ELSE 'untitled-' || n END FROM "
	      "generate_series(1, 10000) n RETURNING 1");
	document_t document = document_of("Untitled");
	assert_null(document_create(MEMBER, 11, &document, NULL));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SLUG_TAKEN", "document.slug");
	document.slug = "untitled-10001";
	document_t *made = document_create(MEMBER, 11, &document, NULL);
	assert_done(made);
	document_drop(made);
	count("DELETE FROM documents WHERE title = 'Untitled' RETURNING 1");
}

static void making_is_for_members(void **state)
{
	(void)state;
	document_t document = document_of("Refused");
	assert_null(document_create(VIEWER, 10, &document, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	static const char *const strangers[] = {OUTSIDER, INACTIVE};
	for (size_t i = 0; i < 2; i++) {
		assert_null(document_create(strangers[i], 10, &document, NULL));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		assert_null(document_create(OWNER, missing[i], &document, NULL));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	assert_null(document_create(OWNER, 12, &document, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT count(*) FROM documents WHERE title = 'Refused'"), 0);
}

static void expect_bad(document_t document, const char *field)
{
	assert_null(document_create(ADMIN, 10, &document, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", field);
}

static void fields_have_rules(void **state)
{
	(void)state;
	expect_bad(document_of(""), "document.title");
	expect_bad(document_of(" Bad"), "document.title");
	expect_bad(document_of(text_of(256)), "document.title");
	static const char *const slugs[] = {"Upper", "-a", "a-", "a--b", "a b", "\xc3\xa4"};
	for (size_t i = 0; i < 6; i++) {
		document_t document = document_of("Bad");
		document.slug = (char *)slugs[i];
		expect_bad(document, "document.slug");
	}
	document_t document = document_of("Bad");
	document.content = text_of((1 << 20) + 1);
	expect_bad(document, "document.content");
	memcpy(document.content, "\xc3\xa4", 2); /* fewer characters than bytes */
	expect_bad(document, "document.content");
	document = document_of("Bad");
	document.document_type = (Prism__V1__DocumentType)5;
	expect_bad(document, "document.document_type");
	document = document_of("Bad");
	document.external_source = "half";
	expect_bad(document, "document.external_id");
	document = document_of("Bad");
	document.content = text_of(1 << 20);
	document_t *made = document_create(ADMIN, 10, &document, NULL);
	assert_done(made);
	assert_int_equal(strlen(made->content), 1 << 20);
	document_drop(made);
}

/* Of `depth` objects, one in the other. */
static char *nested(size_t depth)
{
	static char text[1024];
	size_t len = 0;
	for (size_t i = 0; i + 1 < depth; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "{\"a\":");
	len += (size_t)snprintf(text + len, sizeof(text) - len, "{}");
	for (size_t i = 0; i + 1 < depth; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "}");
	return text;
}

/* An object whose text has so many characters. */
static char *wide(size_t length)
{
	char *text = text_of(length);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + length - 2, "\"}", 2);
	return text;
}

static void metadata_is_a_small_object(void **state)
{
	(void)state;
	char *const bad[] = {"[]",
	                     "\"text\"",
	                     "null",
	                     "{",
	                     "{\"a\": 1} x",
	                     "{'a': 1}",
	                     "{\"a\": 01}",
	                     "{\"a\": \"\\u0000\"}",
	                     "{\"a\": \"\\ud800\"}",
	                     "{\"a\": 1e999999}",
	                     "{\"a\": NaN}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		document_t document = document_of("Bad");
		document.metadata = bad[i];
		expect_bad(document, "document.metadata");
	}
	document_t document = document_of("Bad");
	document.metadata = nested(65);
	expect_bad(document, "document.metadata");
	document.metadata = wide(65537);
	expect_bad(document, "document.metadata");
	char *const good[] = {nested(64), wide(65536), "{\"a\": 1, \"a\": 2}"};
	for (size_t i = 0; i < 3; i++) {
		document = document_of("Good");
		document.metadata = good[i];
		document_t *made = document_create(ADMIN, 10, &document, NULL);
		assert_done(made);
		document_drop(made);
	}
}

static void a_new_document_is_a_draft_of_its_maker(void **state)
{
	(void)state;
	Google__Protobuf__Timestamp then = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	document_t published = document_of("Out"), by = document_of("By"), old = document_of("Old");
	document_t once = document_of("Once out");
	published.status = (Prism__V1__DocumentStatus)PUBLISHED;
	published.content = "Text";
	by.has_creator_id_case = PRISM__V1__DOCUMENT__HAS_CREATOR_ID_CREATOR_ID;
	by.creator_id = ADMIN;
	old.created_at = &then;
	once.published_at = &then;
	document_t *const all[] = {&published, &by, &old, &once};
	const char *const fields[] = {"document.status", "document.creator_id",
	                              "document.created_at", "document.published_at"};
	for (size_t i = 0; i < 4; i++) {
		assert_null(document_create(OWNER, 10, all[i], NULL));
		assert_refused_field(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD", fields[i]);
		assert_null(document_create(NULL, 10, all[i], NULL));
		assert_refused_field(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD", fields[i]);
	}
}

static void a_repeated_creation_has_one_effect(void **state)
{
	(void)state;
	document_t document = document_of("Made once");
	document_t *first = document_create(MEMBER, 10, &document, REQUEST_ID(1));
	document_t *again = document_create(MEMBER, 10, &document, REQUEST_ID(1));
	assert_done(first);
	assert_done(again);
	assert_int_equal(first->id, again->id);
	assert_string_equal(again->slug, "made-once");
	assert_int_equal(count("SELECT count(*) FROM documents WHERE title = 'Made once'"), 1);
	assert_int_equal(activities("document", first->id), 1);
	document_t other = document_of("Made twice");
	assert_null(document_create(MEMBER, 10, &other, REQUEST_ID(1)));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED", "request_id");
	document_drop(again);
	count("UPDATE documents SET deleted_at = now() WHERE id = %ld RETURNING 1",
	      (long)first->id);
	again = document_create(MEMBER, 10, &document, REQUEST_ID(1));
	assert_done(again);
	assert_int_equal(again->id, first->id);
	assert_string_equal(again->title, "");
	document_drop(again);
	document_drop(first);
}

/* --- finding ------------------------------------------------------------------------------------
 */

static void finding_is_for_members(void **state)
{
	(void)state;
	long deleted = document_by_sql(1, 10, "deleted");
	count("UPDATE documents SET deleted_at = now() WHERE id = %ld RETURNING 1", deleted);
	const long missing[] = {document_by_sql(1, 13, "hidden"), document_by_sql(2, 20, "theirs"),
	                        deleted, 99999};
	static const char *const slugs[] = {"hidden", "theirs", "deleted", "none"};
	const int64_t projects[] = {13, 20, 10, 10};
	document_t document = document_of("Found");
	for (size_t i = 0; i < 4; i++) {
		assert_null(document_get(OWNER, missing[i]));
		assert_refused(PRISM_NOT_FOUND, "DOCUMENT_NOT_FOUND");
		assert_null(document_get_by_slug(OWNER, projects[i], slugs[i]));
		assert_refused(PRISM_NOT_FOUND, "DOCUMENT_NOT_FOUND");
		assert_null(document_update(OWNER, missing[i], &document, "title", 0, NULL));
		assert_refused(PRISM_NOT_FOUND, "DOCUMENT_NOT_FOUND");
	}
	long here = document_by_sql(1, 10, "here");
	static const char *const strangers[] = {OUTSIDER, INACTIVE};
	for (size_t i = 0; i < 2; i++) {
		assert_null(document_get(strangers[i], here));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
		assert_null(document_get_by_slug(strangers[i], 10, "here"));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_null(document_get_by_slug(OWNER, 0, "here"));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "slug.project_id");
}

static Prism__V1__ListDocumentsResponse *page(const char *actor,
                                              const Prism__V1__ListDocumentsRequest *request)
{
	Prism__V1__ListDocumentsResponse *response = NULL;
	(void)prism_v1_document_service_list_documents_wait(as(actor), NULL, request, &response,
	                                                    &tenant.result);
	return response;
}

static Prism__V1__ListDocumentsRequest list_of(int64_t project)
{
	Prism__V1__ListDocumentsRequest request = PRISM__V1__LIST_DOCUMENTS_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	return request;
}

static void drafts_are_for_members(void **state)
{
	(void)state;
	int64_t id = document_make("Secret draft");
	assert_null(document_get(VIEWER, id));
	assert_refused(PRISM_NOT_FOUND, "DOCUMENT_NOT_FOUND");
	assert_null(document_get_by_slug(VIEWER, 11, "secret-draft"));
	assert_refused(PRISM_NOT_FOUND, "DOCUMENT_NOT_FOUND");
	Prism__V1__ListDocumentsRequest request = list_of(11);
	request.page_size = 200;
	Prism__V1__DocumentStatus draft = (Prism__V1__DocumentStatus)DRAFT;
	request.statuses = &draft;
	request.n_statuses = 1;
	static const char *const actors[] = {VIEWER, MEMBER};
	for (size_t i = 0; i < 2; i++) {
		Prism__V1__ListDocumentsResponse *list = page(actors[i], &request);
		assert_done(list);
		assert_int_equal(list->n_documents > 0, i == 1);
		prism__v1__list_documents_response__free_unpacked(list, NULL);
	}
	static const char *const others[] = {"published", "archived"};
	for (size_t i = 0; i < 2; i++) {
		count("UPDATE documents SET status = '%s' WHERE id = %ld RETURNING 1", others[i],
		      (long)id);
		document_t *seen = document_get(VIEWER, id);
		assert_done(seen);
		assert_string_equal(seen->content, "# Text");
		document_drop(seen);
	}
}

enum { LISTED = 9 };

/* What changed last comes first. Documents come and go behind and before the pages: those that
 * stay are listed once, without their content. */
static void assert_lists(const char *actor, Prism__V1__ListDocumentsRequest request,
                         const char *where)
{
	char token[1025] = "";
	size_t seen = 0;
	long wanted = count("SELECT count(*) FROM documents WHERE project_id = 10 AND %s", where);
	request.page_size = 2;
	do {
		long passing = document_by_sql(1, 10, "passing");
		request.page_token = token;
		Prism__V1__ListDocumentsResponse *response = page(actor, &request);
		assert_done(response);
		for (size_t i = 0; i < response->n_documents; i++) {
			const document_t *document = response->documents[i];
			assert_string_equal(document->content, "");
			if (strcmp(document->slug, "passing") == 0)
				continue;
			assert_int_equal(
				document->id,
				count("SELECT id FROM documents WHERE project_id = 10 AND %s AND "
			              "id <> %ld ORDER BY updated_at DESC, id DESC OFFSET %zu "
			              "LIMIT 1",
			              where, passing, seen++));
		}
		snprintf(token, sizeof(token), "%s", response->next_page_token);
		prism__v1__list_documents_response__free_unpacked(response, NULL);
		count("DELETE FROM documents WHERE id = %ld RETURNING 1", passing);
	} while (token[0]);
	assert_int_equal(seen, wanted);
}

static void lists_are_filtered_and_paged(void **state)
{
	(void)state;
	count("DELETE FROM documents WHERE project_id = 10 RETURNING 1");
	count("INSERT INTO documents (organization_id, project_id, title, slug, content, status, "
	      "document_type, updated_at, deleted_at) SELECT 1, 10, 'Listed', 'listed-' || n, "
	      "'Text', (ARRAY['draft', 'published', 'archived'])[1 + n %% 3], (ARRAY['prd', "
	      "'other'])[1 + n %% 2], '2024-01-01Z'::timestamptz + n / 3 * interval '1 day',"
	      " CASE n WHEN 5 THEN now() END FROM generate_series(1, %d) n RETURNING 1",
	      LISTED);
	Prism__V1__ListDocumentsRequest request = list_of(10);
	Prism__V1__DocumentStatus statuses[] = {(Prism__V1__DocumentStatus)DRAFT,
	                                        (Prism__V1__DocumentStatus)ARCHIVED};
	Prism__V1__DocumentType type = (Prism__V1__DocumentType)PRD;
	assert_lists(MEMBER, request, "deleted_at IS NULL");
	assert_lists(VIEWER, request, "deleted_at IS NULL AND status <> 'draft'");
	request.document_types = &type;
	request.n_document_types = 1;
	assert_lists(MEMBER, request, "deleted_at IS NULL AND document_type = 'prd'");
	request.statuses = statuses;
	request.n_statuses = 2;
	assert_lists(MEMBER, request,
	             "deleted_at IS NULL AND document_type = 'prd' AND status <> 'published'");
	assert_lists(VIEWER, request,
	             "deleted_at IS NULL AND document_type = 'prd' AND status = 'archived'");
}

static void lists_have_rules(void **state)
{
	(void)state;
	Prism__V1__ListDocumentsRequest request = list_of(11);
	(void)document_make("One of two");
	(void)document_make("Two of two");
	request.page_size = 1;
	Prism__V1__ListDocumentsResponse *first = page(MEMBER, &request);
	assert_done(first);
	request.page_token = first->next_page_token;
	assert_null(page(VIEWER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "page_token");
	Prism__V1__DocumentType type = (Prism__V1__DocumentType)SPEC;
	request.document_types = &type;
	request.n_document_types = 1;
	assert_null(page(MEMBER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "page_token");
	prism__v1__list_documents_response__free_unpacked(first, NULL);
	request.page_token = "";
	assert_null(page(OUTSIDER, &request));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		request.project_id = missing[i];
		assert_null(page(OWNER, &request));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_given_comes_back),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(a_slug_is_made_of_the_title),
		cmocka_unit_test(a_slug_is_of_one_document),
		cmocka_unit_test(ten_thousand_titles_are_too_many),
		cmocka_unit_test(making_is_for_members),
		cmocka_unit_test(fields_have_rules),
		cmocka_unit_test(metadata_is_a_small_object),
		cmocka_unit_test(a_new_document_is_a_draft_of_its_maker),
		cmocka_unit_test(a_repeated_creation_has_one_effect),
		cmocka_unit_test(finding_is_for_members),
		cmocka_unit_test(drafts_are_for_members),
		cmocka_unit_test(lists_are_filtered_and_paged),
		cmocka_unit_test(lists_have_rules),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
