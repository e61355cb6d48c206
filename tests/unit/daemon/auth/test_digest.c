/* A request's digest: the same for the same request, whatever it is sent with. */
#include "daemon/auth/digest.h"
#include "prism/v1/membership.pb-c.h"
#include "prism/v1/user.pb-c.h"
#include "tests/unit/daemon/rpc/rig.h"

#include <sodium.h>
#include <stdlib.h>

typedef Prism__V1__ListMembersRequest list_t;

static const char *const without_page[] = {"page_size", "page_token", NULL};
static const char *const without_nothing[] = {NULL};

/* Runs a test's own code as a handler, on a fiber. */
static void run_on_fiber(enum status (*handler)(struct rig *rig, struct call *call,
                                                const Text *request, Text *response))
{
	struct rig rig;
	struct told told;
	assert_true(sodium_init() >= 0);
	rig_begin(&rig, NULL);
	rig.handler = handler;
	(void)rig_unary(&rig, "a", 0, &told);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_OK, "");
	rig_end(&rig);
}

static list_t list_new(void)
{
	list_t list = PRISM__V1__LIST_MEMBERS_REQUEST__INIT;
	list.organization_id = 7;
	list.page_size = 5;
	list.page_token = "token";
	return list;
}

static bool same(struct call *call, const ProtobufCMessage *one, const ProtobufCMessage *two,
                 const char *const without[])
{
	uint8_t first[DIGEST_SIZE], second[DIGEST_SIZE];
	assert_int_equal(digest_message(call, one, without, first), STATUS_OK);
	assert_int_equal(digest_message(call, two, without, second), STATUS_OK);
	return memcmp(first, second, DIGEST_SIZE) == 0;
}

static enum status compares(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig, (void)request, (void)response;
	list_t one = list_new(), two = list_new();
	assert_true(same(call, &one.base, &two.base, without_nothing));
	two.page_token = "another";
	assert_false(same(call, &one.base, &two.base, without_nothing));
	assert_true(same(call, &one.base, &two.base, without_page));
	two.page_size = 500;
	two.page_token = "";
	assert_true(same(call, &one.base, &two.base, without_page));
	two.organization_id = 8;
	assert_false(same(call, &one.base, &two.base, without_page));
	static const char *const without_place[] = {"organization_id", "page_size", "page_token",
	                                            NULL};
	assert_true(same(call, &one.base, &two.base, without_place));
	Prism__V1__MemberRole roles[] = {1, 2}, swapped[] = {2, 1};
	one.roles = roles;
	two = one;
	two.roles = swapped;
	one.n_roles = two.n_roles = 2;
	assert_false(same(call, &one.base, &two.base, without_page));
	return STATUS_OK;
}

static void what_is_left_out_does_not_count_and_the_rest_does(void **state)
{
	(void)state;
	run_on_fiber(compares);
}

static enum status looks_inside(struct rig *rig, struct call *call, const Text *request,
                                Text *response)
{
	(void)rig, (void)request, (void)response;
	static const char *const without[] = {"request_id", NULL};
	Prism__V1__User ann = PRISM__V1__USER__INIT, bob = PRISM__V1__USER__INIT;
	Prism__V1__CreateUserRequest one = PRISM__V1__CREATE_USER_REQUEST__INIT, two = one;
	ann.username = "ann";
	bob.username = "bob";
	one.user = &ann;
	one.request_id = "1";
	two.user = &bob;
	two.request_id = "2";
	assert_false(same(call, &one.base, &two.base, without));
	bob.username = "ann";
	assert_true(same(call, &one.base, &two.base, without));
	two.user = NULL;
	assert_false(same(call, &one.base, &two.base, without));
	return STATUS_OK;
}

static void what_is_inside_counts(void **state)
{
	(void)state;
	run_on_fiber(looks_inside);
}

/* Stored, and compared with what another version of the daemon computes. */
static enum status packs(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig, (void)request, (void)response;
	list_t list = list_new(), blank = list_new();
	uint8_t digest[DIGEST_SIZE], expected[DIGEST_SIZE], wire[64];
	blank.page_size = 0;
	blank.page_token = "";
	size_t len = protobuf_c_message_pack(&blank.base, wire);
	crypto_generichash(expected, DIGEST_SIZE, wire, len, NULL, 0);
	assert_int_equal(digest_message(call, &list.base, without_page, digest), STATUS_OK);
	assert_memory_equal(digest, expected, DIGEST_SIZE);
	assert_int_equal(list.page_size, 5); /* the request is as it was */
	assert_string_equal(list.page_token, "token");
	return STATUS_OK;
}

static void it_is_blake2b_of_the_packed_request(void **state)
{
	(void)state;
	run_on_fiber(packs);
}

static enum status has_no_memory(struct rig *rig, struct call *call, const Text *request,
                                 Text *response)
{
	(void)rig, (void)request, (void)response;
	list_t list = list_new();
	uint8_t digest[DIGEST_SIZE];
	while (arena_alloc(&call->arena, 16))
		continue;
	assert_int_equal(digest_message(call, &list.base, without_page, digest),
	                 STATUS_RESOURCE_EXHAUSTED);
	return STATUS_OK;
}

static void without_memory_there_is_none(void **state)
{
	(void)state;
	run_on_fiber(has_no_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_does_not_count_and_the_rest_does),
		cmocka_unit_test(what_is_inside_counts),
		cmocka_unit_test(it_is_blake2b_of_the_packed_request),
		cmocka_unit_test(without_memory_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
