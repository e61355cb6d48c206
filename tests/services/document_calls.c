#include "tests/services/document_calls.h"

document_t document_of(const char *title)
{
	document_t document = PRISM__V1__DOCUMENT__INIT;
	document.title = (char *)title;
	return document;
}

document_t *document_create(const char *actor, int64_t project, document_t *document,
                            const char *request_id)
{
	Prism__V1__CreateDocumentRequest request = PRISM__V1__CREATE_DOCUMENT_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	request.document = document;
	request.request_id = (char *)(request_id ? request_id : "");
	document_t *made = NULL;
	(void)prism_v1_document_service_create_document_wait(as(actor), NULL, &request, &made,
	                                                     &tenant.result);
	return made;
}

static document_t *get(const char *actor, Prism__V1__GetDocumentRequest *request)
{
	document_t *document = NULL;
	request->organization_id = 1;
	(void)prism_v1_document_service_get_document_wait(as(actor), NULL, request, &document,
	                                                  &tenant.result);
	return document;
}

document_t *document_get(const char *actor, int64_t id)
{
	Prism__V1__GetDocumentRequest request = PRISM__V1__GET_DOCUMENT_REQUEST__INIT;
	request.document_case = PRISM__V1__GET_DOCUMENT_REQUEST__DOCUMENT_ID;
	request.id = id;
	return get(actor, &request);
}

document_t *document_get_by_slug(const char *actor, int64_t project, const char *slug)
{
	Prism__V1__GetDocumentRequest request = PRISM__V1__GET_DOCUMENT_REQUEST__INIT;
	Prism__V1__DocumentSlug by = PRISM__V1__DOCUMENT_SLUG__INIT;
	by.project_id = project;
	by.slug = (char *)slug;
	request.document_case = PRISM__V1__GET_DOCUMENT_REQUEST__DOCUMENT_SLUG;
	request.slug = &by;
	return get(actor, &request);
}

document_t *document_update(const char *actor, int64_t id, document_t *document, const char *mask,
                            int32_t expected_version, const char *request_id)
{
	Prism__V1__UpdateDocumentRequest request = PRISM__V1__UPDATE_DOCUMENT_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.document = document;
	request.update_mask = mask_of(mask);
	request.expected_version = expected_version;
	request.request_id = (char *)(request_id ? request_id : "");
	document_t *updated = NULL;
	(void)prism_v1_document_service_update_document_wait(as(actor), NULL, &request, &updated,
	                                                     &tenant.result);
	return updated;
}

void document_drop(document_t *document)
{
	prism__v1__document__free_unpacked(document, NULL);
}

int64_t document_make(const char *title)
{
	document_t document = document_of(title);
	document.content = "# Text";
	document_t *made = document_create(MEMBER_2, 11, &document, NULL);
	assert_done(made);
	int64_t id = made->id;
	document_drop(made);
	return id;
}

long document_by_sql(int organization, int project, const char *slug)
{
	return count("INSERT INTO documents (organization_id, project_id, title, slug, status) "
	             "VALUES (%d, %d, 'By SQL', '%s', 'published') RETURNING id",
	             organization, project, slug);
}
