/* One request that is sent many times at once, as after a lost connection: one effect, and every
 * answer says that it was done. */
#include "tests/services/people_fixture.h"
#include "tests/services/race.h"

enum { TIMES = 8 };

static int set_up(void **state)
{
	people_set_up(state);
	race_open();
	return 0;
}

static int tear_down(void **state)
{
	race_close();
	return tenant_tear_down(state);
}

/* By the system, for `actor` (NULL: for nobody). */
static void send_all(const struct prism_method *method, const char *actor,
                     const ProtobufCMessage *request)
{
	for (size_t i = 0; i < TIMES; i++)
		(void)race_add_system(actor, method, request);
	assert_int_equal(race_run(), TIMES);
}

static long activities(const char *entity)
{
	return count("SELECT count(*) FROM activity_log WHERE entity_id = '%s'", entity);
}

static void a_user_is_made_once(void **state)
{
	(void)state;
	struct newcomer new;
	struct id key = id_new();
	Prism__V1__CreateUserRequest request = PRISM__V1__CREATE_USER_REQUEST__INIT;
	request.user = &newcomer(&new)->user;
	request.request_id = key.text;
	send_all(&prism_v1_user_service_create_user_method, NULL, &request.base);
	assert_int_equal(count("SELECT count(*) FROM users WHERE email = '%s'", new.email), 1);
}

static void a_user_is_changed_once(void **state)
{
	(void)state;
	struct person person = person_new("active");
	static const char *const masks[] = {"full_name", "full_name,status"};
	for (int32_t i = 0; i < 2; i++) {
		struct id key = id_new();
		struct mask mask;
		user_t user = PRISM__V1__USER__INIT;
		user.full_name = i ? "Another" : "One";
		user.status = DISABLED;
		Prism__V1__UpdateUserRequest request = PRISM__V1__UPDATE_USER_REQUEST__INIT;
		request.id = person.id;
		request.user = &user;
		request.update_mask = mask_of(&mask, masks[i]);
		request.expected_version = i + 1;
		request.request_id = key.text;
		send_all(&prism_v1_user_service_update_user_method, NULL, &request.base);
		assert_int_equal(activities(person.id), i + 1);
	}
}

static void an_organization_is_made_once(void **state)
{
	(void)state;
	struct id key = id_new();
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "Only Once";
	organization.owner_id = MEMBER;
	Prism__V1__CreateOrganizationRequest request = PRISM__V1__CREATE_ORGANIZATION_REQUEST__INIT;
	request.organization = &organization;
	request.request_id = key.text;
	send_all(&prism_v1_organization_service_create_organization_method, NULL, &request.base);
	assert_int_equal(count("SELECT count(*) FROM organizations WHERE name = 'Only Once'"), 1);
}

static void an_organization_is_changed_once(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id key = id_new();
	struct mask mask;
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "Changed";
	Prism__V1__UpdateOrganizationRequest request = PRISM__V1__UPDATE_ORGANIZATION_REQUEST__INIT;
	request.organization_id = own.id;
	request.organization = &organization;
	request.update_mask = mask_of(&mask, "name");
	request.expected_version = 1;
	request.request_id = key.text;
	send_all(&prism_v1_organization_service_update_organization_method, own.admin.id,
	         &request.base);
	assert_int_equal(count("SELECT version FROM organizations WHERE id = %ld", (long)own.id),
	                 2);
}

static void ownership_goes_over_once(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id key = id_new();
	Prism__V1__TransferOwnershipRequest request = PRISM__V1__TRANSFER_OWNERSHIP_REQUEST__INIT;
	request.organization_id = own.id;
	request.user_id = own.member.id;
	request.request_id = key.text;
	send_all(&prism_v1_organization_service_transfer_ownership_method, own.owner.id,
	         &request.base);
	assert_int_equal(count("SELECT version FROM organizations WHERE id = %ld", (long)own.id),
	                 2);
}

static void a_member_is_added_and_changed_once(void **state)
{
	(void)state;
	struct own own = own_new();
	struct person person = person_new("active");
	struct id add_key = id_new(), change_key = id_new();
	Prism__V1__AddMemberRequest add = PRISM__V1__ADD_MEMBER_REQUEST__INIT;
	add.organization_id = own.id;
	add.user_id = person.id;
	add.request_id = add_key.text;
	send_all(&prism_v1_membership_service_add_member_method, own.admin.id, &add.base);
	Prism__V1__UpdateMemberRoleRequest change = PRISM__V1__UPDATE_MEMBER_ROLE_REQUEST__INIT;
	change.organization_id = own.id;
	change.user_id = person.id;
	change.role = PRISM__V1__MEMBER_ROLE__MEMBER_ROLE_VIEWER;
	change.expected_version = 1;
	change.request_id = change_key.text;
	send_all(&prism_v1_membership_service_update_member_role_method, own.admin.id,
	         &change.base);
	assert_int_equal(activities(person.id), 2);
}

static void members_go_once(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id remove_key = id_new(), leave_key = id_new();
	Prism__V1__RemoveMemberRequest removal = PRISM__V1__REMOVE_MEMBER_REQUEST__INIT;
	removal.organization_id = own.id;
	removal.user_id = own.member.id;
	removal.request_id = remove_key.text;
	send_all(&prism_v1_membership_service_remove_member_method, own.admin.id, &removal.base);
	assert_int_equal(activities(own.member.id), 1);
	Prism__V1__LeaveOrganizationRequest leave = PRISM__V1__LEAVE_ORGANIZATION_REQUEST__INIT;
	leave.organization_id = own.id;
	leave.request_id = leave_key.text;
	send_all(&prism_v1_membership_service_leave_organization_method, own.viewer.id,
	         &leave.base);
	assert_int_equal(activities(own.viewer.id), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_is_made_once),
		cmocka_unit_test(a_user_is_changed_once),
		cmocka_unit_test(an_organization_is_made_once),
		cmocka_unit_test(an_organization_is_changed_once),
		cmocka_unit_test(ownership_goes_over_once),
		cmocka_unit_test(a_member_is_added_and_changed_once),
		cmocka_unit_test(members_go_once),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
