/* page - lists page by page: where a page starts, how long it is, and the token of the next one.
 *
 * A token is sealed (auth/seal.h) and holds the sort key of the page's last row, and a digest of
 * the request: it serves the same caller, with the same filters and order, for PAGE_TOKEN_DAYS. So
 * what is inserted or deleted between two pages neither repeats nor hides a row. Lifetime: the
 * call's. Source: https://google.aip.dev/158. Errors: PAGE_TOKEN_INVALID. */
#pragma once
#include "daemon/auth/digest.h"
#include "db/rows.h"
#include "db/types.h"

enum { PAGE_SIZE_DEFAULT = 20, PAGE_TOKEN_DAYS = 3 };

/* The sort key of a row; a list uses what it needs. */
struct page_key {
	int64_t first, second, third;
	struct uuid uuid;
};

struct page {
	int32_t size;     /* rows of a page */
	int32_t max_rows; /* one more than that: whether there is another page */
	bool after;       /* `key` is where the page before ended */
	struct page_key key;
	uint8_t digest[DIGEST_SIZE];
};

/* The request has the fields page_size and page_token, and may have want_total. */
MUST_CHECK
SUSPENDS
enum status page_begin(struct call *call, const ProtobufCMessage *request, int32_t page_size,
                       const char *page_token, struct page *out);

/* How many of the rows that were found a page has. */
size_t page_rows(const struct page *page, size_t found);

/* How many of the rows belong to the page: as many as it has, and, after the first, as
 * LIMIT_PAGE_BYTES hold. */
size_t page_fit(const struct page *page, const struct rows *rows);

/* The token of the page after the one that ends with `last`. */
MUST_CHECK
enum status page_token(struct call *call, const struct page *page, const struct page_key *last,
                       char **token);

/* How many rows a statement counts that knows a limit: one more than is told; 0: none. */
int32_t page_total_most(bool wanted);

/* What it has counted, as a response tells it: up to LIMIT_TOTAL_SIZE, and whether there are more.
 */
void page_total(int64_t counted, int32_t *total_size, protobuf_c_boolean *capped);
