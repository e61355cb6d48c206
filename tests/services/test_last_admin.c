/* An organization keeps an active admin, and an owner is active, whoever does what at the same
 * time. */
#include "tests/services/people_fixture.h"
#include "tests/services/race.h"

enum { ADMINS = 16, ROUNDS = 20 };

/* Organizations whose owner is there by name only, so that their admins are what counts. */
static struct person absent, admins[ADMINS];
static int64_t organization;

static int set_up(void **state)
{
	setenv("DATABASE_POOL_SIZE", "34", 1);
	people_set_up(state);
	absent = person_new("inactive");
	organization = organization_new(absent.id);
	for (size_t i = 0; i < ADMINS; i++)
		admins[i] = person_new("active");
	count("UPDATE users SET full_name = 'An Admin' WHERE full_name = 'A Person' AND id <> '%s'"
	      " RETURNING 1",
	      absent.id);
	race_open();
	return 0;
}

static int tear_down(void **state)
{
	race_close();
	return tenant_tear_down(state);
}

/* --- how an admin goes ------------------------------------------------------------------------ */

static void leaves(size_t i)
{
	Prism__V1__LeaveOrganizationRequest request = PRISM__V1__LEAVE_ORGANIZATION_REQUEST__INIT;
	request.organization_id = organization;
	(void)race_add(admins[i].id, &prism_v1_membership_service_leave_organization_method,
	               &request.base);
}

static void steps_down(size_t i)
{
	Prism__V1__UpdateMemberRoleRequest request = PRISM__V1__UPDATE_MEMBER_ROLE_REQUEST__INIT;
	request.organization_id = organization;
	request.user_id = admins[i].id;
	request.role = PRISM__V1__MEMBER_ROLE__MEMBER_ROLE_MEMBER;
	(void)race_add(admins[i].id, &prism_v1_membership_service_update_member_role_method,
	               &request.base);
}

static void is_removed(size_t i)
{
	Prism__V1__RemoveMemberRequest request = PRISM__V1__REMOVE_MEMBER_REQUEST__INIT;
	request.organization_id = organization;
	request.user_id = admins[i].id;
	(void)race_add_system(NULL, &prism_v1_membership_service_remove_member_method,
	                      &request.base);
}

static void is_deactivated(size_t i)
{
	struct mask mask;
	user_t user = PRISM__V1__USER__INIT;
	user.status = DISABLED;
	Prism__V1__UpdateUserRequest request = PRISM__V1__UPDATE_USER_REQUEST__INIT;
	request.id = admins[i].id;
	request.user = &user;
	request.update_mask = mask_of(&mask, "status");
	(void)race_add_system(NULL, &prism_v1_user_service_update_user_method, &request.base);
}

static void goes_in_some_way(size_t i)
{
	static void (*const ways[])(size_t i) = {leaves, steps_down, is_removed, is_deactivated};
	static size_t turn;
	ways[turn++ % 4](i);
}

/* --- all at once ------------------------------------------------------------------------------ */

static void everybody_is_an_admin(void)
{
	count("DELETE FROM organization_members WHERE organization_id = %ld RETURNING 1",
	      (long)organization);
	count("WITH admins AS (UPDATE users SET status = 'active' WHERE full_name = 'An Admin'"
	      " RETURNING id), joined AS (INSERT INTO organization_members"
	      " (organization_id, user_id, role) SELECT %ld, id, 'admin' FROM admins"
	      " UNION ALL SELECT %ld, '%s', 'admin' RETURNING 1) SELECT count(*) FROM joined",
	      (long)organization, (long)organization, absent.id);
}

static void assert_one_stays(void (*goes)(size_t i))
{
	for (int round = 0; round < ROUNDS; round++) {
		everybody_is_an_admin();
		for (size_t i = 0; i < ADMINS; i++)
			goes(i);
		assert_int_equal(race_run(), ADMINS - 1);
		assert_int_equal(race_count(PRISM_FAILED_PRECONDITION, "LAST_ADMIN"), 1);
		assert_int_equal(count("SELECT count(*) FROM organization_members m"
		                       " JOIN users u ON u.id = m.user_id"
		                       " WHERE m.organization_id = %ld AND m.role = 'admin'"
		                       " AND u.status = 'active'",
		                       (long)organization),
		                 1);
	}
}

static void all_leave(void **state)
{
	(void)state;
	assert_one_stays(leaves);
}

static void all_step_down(void **state)
{
	(void)state;
	assert_one_stays(steps_down);
}

static void all_are_removed(void **state)
{
	(void)state;
	assert_one_stays(is_removed);
}

static void all_are_deactivated(void **state)
{
	(void)state;
	assert_one_stays(is_deactivated);
}

static void each_goes_in_a_way_of_its_own(void **state)
{
	(void)state;
	assert_one_stays(goes_in_some_way);
}

/* --- one after the other -----------------------------------------------------------------------
 */

/* Whoever waits for a lock sees what was committed meanwhile. */
static void assert_sees(const char *sql, void (*acts)(size_t i), const char *reason)
{
	assert_true(session("BEGIN"));
	assert_true(session(sql));
	acts(0);
	race_until_waiting(1);
	assert_true(session("COMMIT"));
	(void)race_run();
	tenant.result = racers[0].result;
	assert_refused(PRISM_FAILED_PRECONDITION, reason);
}

static void nobody_becomes_inactive_while_becoming_an_owner(void **state)
{
	(void)state;
	char sql[512];
	everybody_is_an_admin();
	snprintf(sql, sizeof(sql),
	         "SELECT FROM users WHERE id = '%s' FOR SHARE; INSERT INTO organizations"
	         " (name, slug, owner_id) VALUES ('Late', 'late', '%s')",
	         admins[0].id, admins[0].id);
	assert_sees(sql, is_deactivated, "OWNS_ORGANIZATION");
	count("DELETE FROM organizations WHERE slug = 'late' RETURNING 1");
}

static void nobody_becomes_inactive_while_becoming_the_only_admin(void **state)
{
	(void)state;
	char sql[512];
	everybody_is_an_admin();
	int64_t other = organization_new(absent.id);
	snprintf(sql, sizeof(sql),
	         "SELECT FROM users WHERE id = '%s' FOR SHARE; INSERT INTO organization_members"
	         " (organization_id, user_id, role) VALUES (%ld, '%s', 'admin')",
	         admins[0].id, (long)other, admins[0].id);
	assert_sees(sql, is_deactivated, "LAST_ADMIN");
	count("DELETE FROM organization_members WHERE organization_id = %ld RETURNING 1",
	      (long)other);
}

static void only_two_are_admins(void)
{
	everybody_is_an_admin();
	count("UPDATE organization_members SET role = 'member' WHERE organization_id = %ld"
	      " AND user_id NOT IN ('%s', '%s') RETURNING 1",
	      (long)organization, admins[0].id, admins[1].id);
}

static void whoever_becomes_inactive_is_not_counted_on(void **state)
{
	(void)state;
	static void (*const ways[])(size_t i) = {leaves, steps_down, is_removed, is_deactivated};
	char sql[512];
	snprintf(sql, sizeof(sql), "UPDATE users SET status = 'inactive' WHERE id = '%s'",
	         admins[1].id);
	for (size_t i = 0; i < 4; i++) {
		only_two_are_admins();
		assert_sees(sql, ways[i], "LAST_ADMIN");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_leave),
		cmocka_unit_test(all_step_down),
		cmocka_unit_test(all_are_removed),
		cmocka_unit_test(all_are_deactivated),
		cmocka_unit_test(each_goes_in_a_way_of_its_own),
		cmocka_unit_test(nobody_becomes_inactive_while_becoming_an_owner),
		cmocka_unit_test(nobody_becomes_inactive_while_becoming_the_only_admin),
		cmocka_unit_test(whoever_becomes_inactive_is_not_counted_on),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
