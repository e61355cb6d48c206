/* DocumentService. */
#include "daemon/services/document.h"

#include "daemon/rpc/detail.h"
#include "daemon/services/mask.h"
#include "daemon/services/page.h"
#include "daemon/services/slug.h"
#include "daemon/services/upsert.h"
#include "daemon/services/values.h"
#include "db/queries.h"
#include "prism/v1/document.prism-server.h"

typedef Prism__V1__Document document_t;

enum { SLUG_MAX = 255, SLUG_ATTEMPTS = 5 };

_Static_assert((int)DOCUMENT_GET_EXTERNAL_ID == (int)DOCUMENT_CREATE_EXTERNAL_ID &&
                       (int)DOCUMENT_GET_EXTERNAL_ID == (int)DOCUMENT_GET_BY_SLUG_EXTERNAL_ID &&
                       (int)DOCUMENT_GET_EXTERNAL_ID == (int)DOCUMENT_LIST_EXTERNAL_ID &&
                       (int)DOCUMENT_GET_EXTERNAL_ID == (int)DOCUMENT_UPDATE_EXTERNAL_ID,
               "one function reads the documents of every statement");

static const char *const types[] = {NULL, "prd", "spec", "design", "other"};
static const char *const statuses[] = {NULL, "draft", "published", "archived"};

static enum status from_row(struct call *call, int64_t organization_id, const struct rows *rows,
                            size_t row, document_t *out)
{
	out->id = document_get_id(rows, row);
	out->organization_id = organization_id;
	out->project_id = document_get_project_id(rows, row);
	out->title = (char *)document_get_title(rows, row);
	out->slug = (char *)document_get_slug(rows, row);
	out->content = (char *)document_get_content(rows, row);
	out->document_type =
		(Prism__V1__DocumentType)VALUE_ENUM(document_get_document_type(rows, row), types);
	out->status =
		(Prism__V1__DocumentStatus)VALUE_ENUM(document_get_status(rows, row), statuses);
	if (!document_get_creator_id_is_null(rows, row)) {
		out->has_creator_id_case = PRISM__V1__DOCUMENT__HAS_CREATOR_ID_CREATOR_ID;
		TRY(value_uuid(call, rows, row, DOCUMENT_GET_CREATOR_ID, &out->creator_id));
	}
	out->metadata = (char *)document_get_metadata(rows, row);
	out->version = document_get_version(rows, row);
	out->external_source = (char *)document_get_external_source(rows, row);
	out->external_id = (char *)document_get_external_id(rows, row);
	TRY(value_timestamp(call, rows, row, DOCUMENT_GET_CREATED_AT, &out->created_at));
	TRY(value_timestamp(call, rows, row, DOCUMENT_GET_UPDATED_AT, &out->updated_at));
	return value_timestamp(call, rows, row, DOCUMENT_GET_PUBLISHED_AT, &out->published_at);
}

/* --- reading -------------------------------------------------------------------------------- */

static enum status answer(struct call *call, const struct access *access, const struct rows *rows,
                          document_t *response)
{
	TRY(access_granted(call, access, rows));
	if (!document_get_found(rows, 0))
		return call_fail_for(call, REASON_DOCUMENT_NOT_FOUND, "no such document");
	return from_row(call, access->organization_id, rows, 0, response);
}

static SUSPENDS enum status find(struct call *call, const struct access *access, int64_t id,
                                 document_t *response)
{
	struct rows rows;
	TRY(query(call, &DOCUMENT_GET, DOCUMENT_GET_PARAMS(ACCESS(*access), .id = id), &rows));
	return answer(call, access, &rows, response);
}

/* What a repeated write made or changed, as it is now; of one that is gone, its id. */
static SUSPENDS enum status recall(struct call *call, const struct access *access,
                                   const struct keyed_effect *effect, document_t *response)
{
	struct rows rows;
	response->id = effect->count ? effect->ids[0] : 0;
	response->organization_id = access->organization_id;
	TRY(query(call, &DOCUMENT_GET, DOCUMENT_GET_PARAMS(ACCESS(*access), .id = response->id),
	          &rows));
	TRY(access_granted(call, access, &rows));
	return document_get_found(&rows, 0)
	               ? from_row(call, access->organization_id, &rows, 0, response)
	               : STATUS_OK;
}

static SUSPENDS enum status get_document(struct call *call,
                                         const Prism__V1__GetDocumentRequest *request,
                                         document_t *response)
{
	struct access access;
	struct rows rows;
	TRY(access_begin(call, request->organization_id, &access));
	if (request->document_case == PRISM__V1__GET_DOCUMENT_REQUEST__DOCUMENT_ID)
		return find(call, &access, request->id, response);
	TRY(query(call, &DOCUMENT_GET_BY_SLUG,
	          DOCUMENT_GET_BY_SLUG_PARAMS(ACCESS(access),
	                                      .project_id = request->slug->project_id,
	                                      .slug = request->slug->slug),
	          &rows));
	return answer(call, &access, &rows, response);
}

static enum status take_page(struct call *call, int64_t organization_id, const struct page *page,
                             const struct rows *rows, Prism__V1__ListDocumentsResponse *response)
{
	size_t count = page_fit(page, rows);
	document_t *all = arena_alloc(&call->arena, count * sizeof(*all));
	response->documents = arena_alloc(&call->arena, count * sizeof(*response->documents));
	if (!all || !response->documents)
		return call_no_memory(call);
	for (size_t row = 0; row < count; row++) {
		prism__v1__document__init(&all[row]);
		TRY(from_row(call, organization_id, rows, row, &all[row]));
		response->documents[row] = &all[row];
	}
	response->n_documents = count;
	if (count == rows->count)
		return STATUS_OK;
	struct page_key last = {.first = document_list_updated_at(rows, count - 1),
	                        .second = document_list_id(rows, count - 1)};
	return page_token(call, page, &last, &response->next_page_token);
}

static SUSPENDS enum status list_documents(struct call *call,
                                           const Prism__V1__ListDocumentsRequest *request,
                                           Prism__V1__ListDocumentsResponse *response)
{
	struct access access;
	struct page page;
	struct rows rows;
	const char *const *type_texts, *const *status_texts;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(page_begin(call, &request->base, request->page_size, request->page_token, &page));
	TRY(value_enums_read(call, "document_types", (const int *)request->document_types,
	                     request->n_document_types, types, &type_texts));
	TRY(value_enums_read(call, "statuses", (const int *)request->statuses, request->n_statuses,
	                     statuses, &status_texts));
	TRY(query(call, &DOCUMENT_LIST,
	          DOCUMENT_LIST_PARAMS(ACCESS(access), .project_id = request->project_id,
	                               .max_rows = page.max_rows,
	                               .total_most = page_total_most(request->want_total),
	                               .types = {type_texts, request->n_document_types},
	                               .statuses = {status_texts, request->n_statuses},
	                               .before_time = page.after ? &page.key.first : NULL,
	                               .before_id = page.after ? &page.key.second : NULL),
	          &rows));
	TRY(access_granted(call, &access, &rows));
	if (!document_list_project_found(&rows, 0))
		return call_fail_for(call, REASON_PROJECT_NOT_FOUND, "no such project");
	if (request->want_total)
		page_total(document_list_total(&rows, 0), &response->total_size,
		           &response->total_size_capped);
	return document_list_found(&rows, 0)
	               ? take_page(call, access.organization_id, &page, &rows, response)
	               : STATUS_OK;
}

/* --- making ----------------------------------------------------------------------------------- */

static enum status choose_slug(struct call *call, const document_t *document, char **slug)
{
	*slug = document->slug;
	return *document->slug ? STATUS_OK
	                       : slug_make(call, document->title, SLUG_MAX, "doc", slug);
}

static const char *metadata_of(const document_t *document)
{
	return *document->metadata ? document->metadata : "{}";
}

static enum status check_new(struct call *call, const document_t *document)
{
	bool creator =
		document->has_creator_id_case != PRISM__V1__DOCUMENT__HAS_CREATOR_ID__NOT_SET;
	const char *field = NULL;
	if (document->status != PRISM__V1__DOCUMENT_STATUS__DOCUMENT_STATUS_UNSPECIFIED &&
	    document->status != PRISM__V1__DOCUMENT_STATUS__DOCUMENT_STATUS_DRAFT)
		field = "document.status";
	else if (creator || document->created_at || document->published_at)
		field = creator                ? "document.creator_id"
		        : document->created_at ? "document.created_at"
		                               : "document.published_at";
	if (field)
		return value_refused(call, REASON_SYSTEM_FIELD, field,
		                     "only BatchUpsertDocuments sets it, for imports");
	TRY(value_required(call, "document.title", document->title));
	return value_external(call, "document.external_id", document->external_source,
	                      document->external_id);
}

/* A slug of our own choice is chosen under a lock, after those of others; one that somebody gives
 * at the same moment is evaded. */
static SUSPENDS enum status create(struct call *call, const struct keyed *keyed,
                                   const struct write *write, bool slug_given, struct rows *rows,
                                   struct keyed_effect *effect)
{
	enum status status = STATUS_OK;
	for (unsigned i = 0; i < SLUG_ATTEMPTS; i++) {
		status = keyed_write(call, keyed, write, rows, effect);
		if (status != STATUS_ALREADY_EXISTS || slug_given ||
		    call->reason != REASON_SLUG_TAKEN)
			break;
	}
	return status;
}

static SUSPENDS enum status create_document(struct call *call,
                                            const Prism__V1__CreateDocumentRequest *request,
                                            document_t *response)
{
	const document_t *document = request->document;
	const char *type = types[document->document_type];
	struct access access;
	struct keyed keyed;
	char *slug;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(check_new(call, document));
	TRY(choose_slug(call, document, &slug));
	const struct write write = {
		.lock = *document->slug ? NULL : &PROJECT_LOCK,
		.lock_params =
			PROJECT_LOCK_PARAMS(ACCESS(access), .project_id = request->project_id),
		.statement = &DOCUMENT_CREATE,
		.params = DOCUMENT_CREATE_PARAMS(
			ACCESS(access), KEYED(keyed), .project_id = request->project_id,
			.title = document->title, .slug = slug,
			.slug_given = *document->slug != '\0',
			.content = value_text(document->content),
			.document_type = type ? type : "other", .metadata = metadata_of(document),
			.external_source = value_text(document->external_source),
			.external_id = value_text(document->external_id)),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(create(call, &keyed, &write, *document->slug != '\0', &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	TRY(project_place(call, &rows, DOCUMENT_CREATE_PROJECT_FOUND));
	if (!document_create_found(&rows, 0))
		return value_refused(call, REASON_SLUG_TAKEN, "document.slug",
		                     "too many documents of the project have this title; give "
		                     "a slug");
	return from_row(call, access.organization_id, &rows, 0, response);
}

/* --- changing -----------------------------------------------------------------------------------
 */

/* Bits of DOCUMENT_UPDATE's mask: by the order of update_mask's paths in the .proto file. */
enum { MASK_TITLE = 1, MASK_SLUG = 2, MASK_CONTENT = 4, MASK_TYPE = 8, MASK_STATUS = 32 };

static enum status check(struct call *call, const Prism__V1__UpdateDocumentRequest *request,
                         int32_t mask)
{
	const document_t *document = request->document;
	if (mask & MASK_TITLE)
		TRY(value_required(call, "document.title", document->title));
	if (mask & MASK_SLUG)
		TRY(value_required(call, "document.slug", document->slug));
	if (mask & MASK_TYPE)
		TRY(value_enum_required(call, "document.document_type",
		                        &prism__v1__document_type__descriptor,
		                        (int)document->document_type));
	if (mask & MASK_STATUS)
		TRY(value_enum_required(call, "document.status",
		                        &prism__v1__document_status__descriptor,
		                        (int)document->status));
	if ((mask & MASK_CONTENT) && request->expected_version == 0)
		return call_fail_field(call, "expected_version",
		                       "is needed to change the content, so that nobody's work is "
		                       "lost");
	return STATUS_OK;
}

static enum status judge(struct call *call, const struct rows *rows, int32_t expected)
{
	if (!document_update_version_ok(rows, 0))
		return value_stale(call, "document", expected, document_update_version(rows, 0));
	if (!document_update_project_open(rows, 0))
		return call_fail_for(call, REASON_PROJECT_COMPLETED,
		                     "the project is completed; reopen it first");
	if (!document_update_transition_ok(rows, 0))
		return value_refused(call, REASON_STATUS_TRANSITION, "document.status",
		                     "what is archived becomes a draft again first");
	if (!document_update_yours(rows, 0))
		return value_refused(
			call, REASON_NOT_YOURS, "document.status",
			"is for the document's creator, the project's owner, and admins");
	if (!document_update_content_ok(rows, 0))
		return value_refused(call, REASON_CONTENT_EMPTY, "document.status",
		                     "a document without content is not published");
	if (!document_update_slug_ok(rows, 0))
		return value_refused(call, REASON_NOT_YOURS, "document.slug",
		                     "changes in a draft, or by an admin");
	return STATUS_OK;
}

static SUSPENDS enum status update_document(struct call *call,
                                            const Prism__V1__UpdateDocumentRequest *request,
                                            document_t *response)
{
	const document_t *document = request->document;
	struct access access;
	struct keyed keyed;
	int32_t mask;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(mask_read(call, request->update_mask, mask_paths(call), &mask));
	TRY(check(call, request, mask));
	const struct write write = {
		.statement = &DOCUMENT_UPDATE,
		.params = DOCUMENT_UPDATE_PARAMS(
			ACCESS(access), KEYED(keyed), .id = request->id,
			.expected_version = request->expected_version, .mask = mask,
			.title = value_text(document->title), .slug = value_text(document->slug),
			.content = value_text(document->content),
			.document_type = types[document->document_type],
			.metadata = metadata_of(document), .status = statuses[document->status]),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	if (!document_update_found(&rows, 0))
		return call_fail_for(call, REASON_DOCUMENT_NOT_FOUND, "no such document");
	TRY(judge(call, &rows, request->expected_version));
	return from_row(call, access.organization_id, &rows, 0, response);
}

/* --- many
 * ------------------------------------------------------------------------------------------ */

struct items {
	const char **ids, **titles, **slugs, **contents, **types, **statuses, **metadata;
	bool *given;
	struct uuid *creators;
	int64_t *created_ats, *published_ats;
};

static bool items_alloc(struct arena *arena, size_t n, struct items *items)
{
	const char ***const texts[] = {&items->ids,      &items->titles, &items->slugs,
	                               &items->contents, &items->types,  &items->statuses,
	                               &items->metadata};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!(*texts[i] = arena_alloc(arena, n * sizeof(char *))))
			return false;
	items->given = arena_alloc(arena, n * sizeof(bool));
	items->creators = arena_zalloc(arena, n * sizeof(struct uuid));
	items->created_ats = arena_alloc(arena, n * sizeof(int64_t));
	items->published_ats = arena_alloc(arena, n * sizeof(int64_t));
	return items->given && items->creators && items->created_ats && items->published_ats;
}

static enum status take_item(struct call *call,
                             const Prism__V1__BatchUpsertDocumentsRequest *request, size_t i,
                             struct items *items)
{
	const document_t *document = request->documents[i];
	const char *title_path = upsert_path(call, "documents", i, "title");
	const char *created_path = upsert_path(call, "documents", i, "created_at");
	const char *published_path = upsert_path(call, "documents", i, "published_at");
	if (!title_path || !created_path || !published_path)
		return call_no_memory(call);
	TRY(upsert_check(call, "documents", i, request->external_source, document->external_source,
	                 document->external_id));
	TRY(value_required(call, title_path, document->title));
	char *slug;
	TRY(choose_slug(call, document, &slug));
	items->ids[i] = document->external_id;
	items->titles[i] = document->title;
	items->slugs[i] = slug;
	items->given[i] = *document->slug != '\0';
	items->contents[i] = value_text(document->content);
	items->types[i] = types[document->document_type] ? types[document->document_type] : "other";
	items->statuses[i] = statuses[document->status] ? statuses[document->status] : "draft";
	items->metadata[i] = metadata_of(document);
	if (document->has_creator_id_case != PRISM__V1__DOCUMENT__HAS_CREATOR_ID__NOT_SET)
		value_uuid_read(document->creator_id, &items->creators[i]);
	TRY(value_time_read(call, created_path, document->created_at, &items->created_ats[i]));
	return value_time_read(call, published_path, document->published_at,
	                       &items->published_ats[i]);
}

static SUSPENDS enum status batch_upsert_documents(
	struct call *call, const Prism__V1__BatchUpsertDocumentsRequest *request,
	Prism__V1__BatchUpsertDocumentsResponse *response)
{
	size_t n = request->n_documents;
	struct access access;
	struct keyed keyed;
	struct items items;
	struct rows rows;
	TRY(access_begin(call, request->organization_id, &access));
	access.minimum_rank = ROLE_MEMBER;
	keyed_without(call, &keyed);
	if (!items_alloc(&call->arena, n, &items))
		return call_no_memory(call);
	for (size_t i = 0; i < n; i++)
		TRY(take_item(call, request, i, &items));
	TRY(value_texts_differ(call, "documents", "external_id", items.ids, n));
	TRY(upsert_write(call, &access, request->project_id, &DOCUMENT_UPSERT,
	                 DOCUMENT_UPSERT_PARAMS(
				 ACCESS(access), KEYED(keyed), .project_id = request->project_id,
				 .external_source = request->external_source,
				 .external_ids = {items.ids, n}, .titles = {items.titles, n},
				 .slugs = {items.slugs, n}, .slugs_given = {items.given, n},
				 .contents = {items.contents, n}, .types = {items.types, n},
				 .statuses = {items.statuses, n}, .metadata = {items.metadata, n},
				 .creator_ids = {items.creators, n},
				 .created_ats = {items.created_ats, n},
				 .published_ats = {items.published_ats, n}),
	                 &rows));
	TRY(project_place(call, &rows, DOCUMENT_UPSERT_PROJECT_FOUND));
	TRY(upsert_fault(call, &rows, DOCUMENT_UPSERT_FAULT_CREATOR, REASON_CREATOR_NOT_FOUND,
	                 "documents", "creator_id", "no such user"));
	TRY(upsert_fault(call, &rows, DOCUMENT_UPSERT_FAULT_SLUG, REASON_SLUG_TAKEN, "documents",
	                 "slug", "a document of the project has this slug already"));
	return upsert_results(call, &rows, false, &response->results, &response->n_results);
}

static const struct prism_v1_document_service_handlers handlers = {
	.create_document = create_document,
	.get_document = get_document,
	.list_documents = list_documents,
	.update_document = update_document,
	.batch_upsert_documents = batch_upsert_documents,
};

struct service document_service(void)
{
	return prism_v1_document_service(&handlers);
}
