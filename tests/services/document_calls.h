/* document_calls - DocumentService's methods for its tests, in organization 1. NULL: refused,
 * tenant.result says why. */
#pragma once
#include "prism/v1/document.prism-client.h"
#include "tests/services/request.h"

typedef Prism__V1__Document document_t;

enum {
	DRAFT = PRISM__V1__DOCUMENT_STATUS__DOCUMENT_STATUS_DRAFT,
	PUBLISHED = PRISM__V1__DOCUMENT_STATUS__DOCUMENT_STATUS_PUBLISHED,
	ARCHIVED = PRISM__V1__DOCUMENT_STATUS__DOCUMENT_STATUS_ARCHIVED,
	PRD = PRISM__V1__DOCUMENT_TYPE__DOCUMENT_TYPE_PRD,
	SPEC = PRISM__V1__DOCUMENT_TYPE__DOCUMENT_TYPE_SPEC,
	OTHER = PRISM__V1__DOCUMENT_TYPE__DOCUMENT_TYPE_OTHER,
};

document_t document_of(const char *title);

document_t *document_create(const char *actor, int64_t project, document_t *document,
                            const char *request_id);
document_t *document_get(const char *actor, int64_t id);
document_t *document_get_by_slug(const char *actor, int64_t project, const char *slug);
document_t *document_update(const char *actor, int64_t id, document_t *document, const char *mask,
                            int32_t expected_version, const char *request_id);

/* What the functions above returned. */
void document_drop(document_t *document);

/* A draft of project 11 with content, made by MEMBER_2: its id. (MEMBER owns the project.) */
int64_t document_make(const char *title);

/* A document by SQL, beside the services: its id. */
long document_by_sql(int organization, int project, const char *slug);
