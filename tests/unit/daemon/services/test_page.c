/* Pages: their size, and tokens that serve their own list alone. The clock is the test's. */
#include "daemon/auth/auth.h"
#include "daemon/services/page.h"
#include "db/keys/keyring.h"
#include "prism/v1/membership.pb-c.h"
#include "proto/limits.h"
#include "tests/support/program.h"
#include "tests/unit/daemon/rpc/rig.h"

#include <sodium.h>
#include <stdio.h>
#include <time.h>

typedef Prism__V1__ListMembersRequest list_t;

static time_t passed_s;

time_t __real_time(time_t *out);
time_t __wrap_time(time_t *out);

time_t __wrap_time(time_t *out)
{
	time_t now = __real_time(NULL) + passed_s;
	if (out)
		*out = now;
	return now;
}

static struct {
	char state_dir[64];
	struct keyring *keyring;
	struct auth *auth;
} shared;

static int set_up(void **state)
{
	(void)state;
	char message[KEYRING_MESSAGE_SIZE];
	assert_true(sodium_init() >= 0);
	directory_make(shared.state_dir);
	assert_true(keyring_open(&shared.keyring, shared.state_dir, message));
	assert_true(auth_new(&shared.auth, NULL, shared.keyring));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	auth_free(shared.auth);
	keyring_close(shared.keyring);
	directory_remove(shared.state_dir);
	return 0;
}

static void run_on_fiber(enum status (*handler)(struct rig *rig, struct call *call,
                                                const Text *request, Text *response))
{
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.rpc.auth = shared.auth;
	rig.handler = handler;
	(void)rig_unary(&rig, "a", 0, &told);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_OK, "");
	rig_end(&rig);
}

static enum status page_of(struct call *call, list_t list, struct page *page)
{
	return page_begin(call, &list.base, list.page_size, list.page_token, page);
}

static list_t list_new(const char *token)
{
	list_t list = PRISM__V1__LIST_MEMBERS_REQUEST__INIT;
	list.organization_id = 7;
	list.page_token = (char *)token;
	return list;
}

static const struct page_key key = {-3, INT64_MAX, INT64_MIN, {{1, 2, 3}}};

static char *token_of(struct call *call)
{
	struct page page;
	char *token = NULL;
	assert_int_equal(page_of(call, list_new(""), &page), STATUS_OK);
	assert_int_equal(page_token(call, &page, &key, &token), STATUS_OK);
	return token;
}

static void assert_taken(struct call *call, const char *token)
{
	struct page page;
	assert_int_equal(page_of(call, list_new(token), &page), STATUS_OK);
	assert_true(page.after);
}

static void assert_refused(struct call *call, list_t list, const char *words)
{
	struct page page;
	assert_int_equal(page_of(call, list, &page), STATUS_INVALID_ARGUMENT);
	assert_int_equal(call->reason, REASON_PAGE_TOKEN_INVALID);
	assert_string_equal(call->field, "page_token");
	assert_non_null(strstr(call->message, words));
}

/* --- sizes ---------------------------------------------------------------------------------- */

static enum status sizes(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig, (void)request, (void)response;
	static const int32_t wanted[] = {0, 1, 199, 200, 201, INT32_MAX};
	static const int32_t given[] = {PAGE_SIZE_DEFAULT, 1, 199, 200, 200, 200};
	for (size_t i = 0; i < 6; i++) {
		struct page page;
		list_t list = list_new("");
		list.page_size = wanted[i];
		assert_int_equal(page_of(call, list, &page), STATUS_OK);
		assert_int_equal(page.size, given[i]);
		assert_int_equal(page.max_rows, given[i] + 1);
		assert_false(page.after);
	}
	assert_int_equal(LIMIT_PAGE_SIZE, 200);
	return STATUS_OK;
}

static void a_page_has_a_size(void **state)
{
	(void)state;
	run_on_fiber(sizes);
}

/* --- tokens --------------------------------------------------------------------------------- */

static enum status goes_on(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig, (void)request, (void)response;
	struct page page;
	list_t list = list_new(token_of(call));
	list.page_size = 3; /* need not be the same */
	assert_int_equal(page_of(call, list, &page), STATUS_OK);
	assert_true(page.after);
	assert_int_equal(page.size, 3);
	assert_int_equal(page.key.first, key.first);
	assert_int_equal(page.key.second, key.second);
	assert_int_equal(page.key.third, key.third);
	assert_memory_equal(&page.key.uuid, &key.uuid, sizeof(key.uuid));
	return STATUS_OK;
}

static void a_token_says_where_a_page_starts(void **state)
{
	(void)state;
	run_on_fiber(goes_on);
}

static enum status is_of_one(struct rig *rig, struct call *call, const Text *request,
                             Text *response)
{
	(void)rig, (void)request, (void)response;
	static const char words[] = "not of this list";
	const char *token = token_of(call);
	list_t other = list_new(token);
	other.organization_id = 8;
	assert_refused(call, other, words);
	assert_refused(call, list_new("x"), words);
	assert_refused(call, list_new("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
	               words);

	struct uuid actor = {{9}};
	call->actor = &actor;
	assert_refused(call, list_new(token), words);
	const char *actors = token_of(call);
	assert_taken(call, actors);
	struct uuid somebody_else = {{8}};
	call->actor = &somebody_else;
	assert_refused(call, list_new(actors), words);
	call->actor = NULL;

	call->identity.principal_id++;
	assert_refused(call, list_new(token), words);
	call->identity.principal_id--;

	const struct method *method = call->method;
	struct method another = *method;
	another.path = "/test.Desk/Another";
	call->method = &another;
	assert_refused(call, list_new(token), words);
	call->method = method;
	assert_taken(call, token);
	return STATUS_OK;
}

static void a_token_is_of_one_list_and_caller(void **state)
{
	(void)state;
	run_on_fiber(is_of_one);
}

static enum status expires(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig, (void)request, (void)response;
	enum { DAY_S = 86400 };
	const char *token = token_of(call);
	passed_s = PAGE_TOKEN_DAYS * DAY_S - 60;
	assert_taken(call, token);
	passed_s = PAGE_TOKEN_DAYS * DAY_S + 60;
	assert_refused(call, list_new(token), "it has expired; begin with an empty one");
	passed_s = 0;
	return STATUS_OK;
}

static void a_token_expires(void **state)
{
	(void)state;
	run_on_fiber(expires);
}

static enum status has_no_memory(struct rig *rig, struct call *call, const Text *request,
                                 Text *response)
{
	(void)rig, (void)request, (void)response;
	struct page page;
	char *token = token_of(call), *next;
	assert_int_equal(page_of(call, list_new(""), &page), STATUS_OK);
	while (arena_alloc(&call->arena, 16))
		continue;
	assert_int_equal(page_token(call, &page, &key, &next), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(page_of(call, list_new(token), &page), STATUS_RESOURCE_EXHAUSTED);
	return STATUS_OK;
}

static void without_memory_that_is_said(void **state)
{
	(void)state;
	run_on_fiber(has_no_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_has_a_size),
		cmocka_unit_test(a_token_says_where_a_page_starts),
		cmocka_unit_test(a_token_is_of_one_list_and_caller),
		cmocka_unit_test(a_token_expires),
		cmocka_unit_test(without_memory_that_is_said),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
