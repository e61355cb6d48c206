/* UpdateOrganization and TransferOwnership: what changes, who may, and what stays true. */
#include "tests/services/people_fixture.h"

struct edit {
	const char *mask;
	organization_t organization;
	int32_t expected_version;
	const char *request_id;
};

static struct edit edit_of(const char *mask)
{
	return (struct edit){.mask = mask, .organization = PRISM__V1__ORGANIZATION__INIT};
}

static organization_t *update(const char *actor, int64_t id, struct edit edit)
{
	struct mask mask;
	Prism__V1__UpdateOrganizationRequest request = PRISM__V1__UPDATE_ORGANIZATION_REQUEST__INIT;
	request.organization_id = id;
	request.organization = &edit.organization;
	request.update_mask = mask_of(&mask, edit.mask);
	request.expected_version = edit.expected_version;
	request.request_id = (char *)(edit.request_id ? edit.request_id : "");
	organization_t *updated = NULL;
	(void)prism_v1_organization_service_update_organization_wait(BY(actor), &request, &updated,
	                                                             &tenant.result);
	return updated;
}

static organization_t *rename_it(const char *actor, int64_t id, const char *name)
{
	struct edit edit = edit_of("name");
	edit.organization.name = (char *)name;
	return update(actor, id, edit);
}

static organization_t *transfer(const char *actor, int64_t id, const char *user,
                                const char *request_id)
{
	Prism__V1__TransferOwnershipRequest request = PRISM__V1__TRANSFER_OWNERSHIP_REQUEST__INIT;
	request.organization_id = id;
	request.user_id = (char *)user;
	request.request_id = (char *)request_id;
	organization_t *updated = NULL;
	(void)prism_v1_organization_service_transfer_ownership_wait(BY(actor), &request, &updated,
	                                                            &tenant.result);
	return updated;
}

/* --- UpdateOrganization ---------------------------------------------------------------------- */

static void admins_change_it(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const actors[] = {own.owner.id, own.admin.id, NULL};
	for (int32_t i = 0; i < 3; i++) {
		char name[32], slug[32];
		struct edit edit = edit_of("settings,slug,name");
		snprintf(name, sizeof(name), "Name %d", i);
		snprintf(slug, sizeof(slug), "changed-%d", i);
		edit.organization.name = name;
		edit.organization.slug = slug;
		edit.organization.settings = "{\"a\": 1}";
		organization_t *updated = update(actors[i], own.id, edit);
		assert_done();
		assert_string_equal(updated->name, name);
		assert_string_equal(updated->slug, slug);
		assert_string_equal(updated->settings, "{\"a\": 1}");
		assert_string_equal(updated->owner_id, own.owner.id);
		assert_int_equal(updated->version, i + 2);
		free_organization(updated);
	}
	organization_t *cleared = update(own.owner.id, own.id, edit_of("settings"));
	assert_done();
	assert_string_equal(cleared->settings, "{}");
	assert_string_equal(cleared->name, "Name 2");
	free_organization(cleared);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld"
	                       " AND entity_type = 'organization' AND verb = 'update'",
	                       (long)own.id),
	                 4);
}

static void others_are_refused(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const low[] = {own.member.id, own.viewer.id};
	const char *const no_part[] = {own.outsider.id, own.inactive.id, OWNER};
	for (size_t i = 0; i < 2; i++) {
		assert_null(rename_it(low[i], own.id, "Mallory"));
		assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	}
	for (size_t i = 0; i < 3; i++) {
		assert_null(rename_it(no_part[i], own.id, "Mallory"));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_int_equal(count("SELECT count(*) FROM organizations WHERE name = 'Mallory'"), 0);
}

static void a_mask_names_what_can_be_changed(void **state)
{
	(void)state;
	static const char *const masks[] = {"", "owner_id", "id", "version", "name,nothing"};
	for (size_t i = 0; i < 5; i++) {
		assert_null(update(OWNER, 1, edit_of(masks[i])));
		assert_refused(PRISM_INVALID_ARGUMENT, "MASK_INVALID");
		assert_field("update_mask");
	}
	assert_non_null(strstr(tenant.result.message, "\"nothing\" cannot be changed; allowed are "
	                                              "name, slug, settings"));
}

/* The refusal is text, and the connection lives on. */
static void a_long_foreign_path_is_refused_as_any_other(void **state)
{
	(void)state;
	for (size_t before = 0; before < 2; before++) {
		char path[1001] = "x";
		for (size_t at = before; at + 2 < sizeof(path); at += 2)
			memcpy(path + at, "ø", 3);
		char *paths[] = {path};
		Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
		mask.n_paths = 1;
		mask.paths = paths;
		organization_t organization = PRISM__V1__ORGANIZATION__INIT;
		Prism__V1__UpdateOrganizationRequest request =
			PRISM__V1__UPDATE_ORGANIZATION_REQUEST__INIT;
		request.organization_id = 1;
		request.organization = &organization;
		request.update_mask = &mask;
		(void)prism_v1_organization_service_update_organization_wait(BY(OWNER), &request,
		                                                             NULL, &tenant.result);
		assert_refused(PRISM_INVALID_ARGUMENT, "MASK_INVALID");
	}
}

static void values_have_rules(void **state)
{
	(void)state;
	struct own own = own_new();
	struct edit name = edit_of("name"), slug = edit_of("slug"), settings = edit_of("settings");
	settings.organization.settings = "7";
	const struct {
		const struct edit *edit;
		const char *slug, *field, *reason;
		enum prism_status status;
	} cases[] = {
		{&name, "", "organization.name", "FIELD_INVALID", PRISM_INVALID_ARGUMENT},
		{&slug, "", "organization.slug", "FIELD_INVALID", PRISM_INVALID_ARGUMENT},
		{&slug, "A b", "organization.slug", "FIELD_INVALID", PRISM_INVALID_ARGUMENT},
		{&slug, "login", "organization.slug", "SLUG_RESERVED", PRISM_INVALID_ARGUMENT},
		{&slug, "one", NULL, "SLUG_TAKEN", PRISM_ALREADY_EXISTS},
		{&settings, "", "organization.settings", "FIELD_INVALID", PRISM_INVALID_ARGUMENT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct edit edit = *cases[i].edit;
		edit.organization.slug = (char *)cases[i].slug;
		assert_null(update(own.owner.id, own.id, edit));
		assert_refused(cases[i].status, cases[i].reason);
		if (cases[i].field)
			assert_field(cases[i].field);
	}
}

static void changing_nothing_writes_nothing(void **state)
{
	(void)state;
	struct own own = own_new();
	struct edit edit = edit_of("name,settings");
	edit.organization.name = "Same";
	edit.organization.settings = "{\"a\": 1, \"b\": 2}";
	organization_t *before = update(own.owner.id, own.id, edit);
	edit.organization.settings = "{\"b\":2,\"a\":1}";
	organization_t *after = update(own.owner.id, own.id, edit);
	assert_done();
	assert_int_equal(before->version, 2);
	assert_int_equal(after->version, 2);
	assert_int_equal(after->updated_at->seconds, before->updated_at->seconds);
	assert_int_equal(after->updated_at->nanos, before->updated_at->nanos);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld",
	                       (long)own.id),
	                 1);
	free_organization(before);
	free_organization(after);
}

static void a_stale_version_is_refused(void **state)
{
	(void)state;
	struct own own = own_new();
	struct edit edit = edit_of("name");
	edit.expected_version = 1;
	edit.organization.name = "First";
	free_organization(update(own.owner.id, own.id, edit));
	assert_done();
	assert_null(update(own.owner.id, own.id, edit));
	assert_refused(PRISM_ABORTED, "VERSION_STALE");
	assert_field("expected_version");
}

static void a_repeated_change_has_one_effect(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id key = id_new();
	struct edit edit = edit_of("name");
	edit.request_id = key.text;
	edit.expected_version = 1;
	edit.organization.name = "Once";
	free_organization(update(own.admin.id, own.id, edit));
	assert_done();
	free_organization(rename_it(own.owner.id, own.id, "Between"));
	organization_t *again = update(own.admin.id, own.id, edit);
	assert_done();
	assert_string_equal(again->name, "Between");
	assert_int_equal(again->version, 3);
	free_organization(again);
	edit.organization.name = "Twice";
	assert_null(update(own.admin.id, own.id, edit));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	count("UPDATE organization_members SET role = 'member' WHERE user_id = '%s' RETURNING 1",
	      own.admin.id);
	edit.organization.name = "Once";
	assert_null(update(own.admin.id, own.id, edit));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
}

static void a_key_may_only_read(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE];
	stack_key(&tenant.stack, "read-only", 0, key);
	struct prism_channel *channel = stack_channel(&tenant.stack, key, OWNER);
	Prism__V1__GetOrganizationRequest get = PRISM__V1__GET_ORGANIZATION_REQUEST__INIT;
	get.organization_id = 1;
	(void)prism_v1_organization_service_get_organization_wait(channel, NULL, &get, NULL,
	                                                          &tenant.result);
	assert_done();
	Prism__V1__TransferOwnershipRequest give = PRISM__V1__TRANSFER_OWNERSHIP_REQUEST__INIT;
	give.organization_id = 1;
	give.user_id = ADMIN;
	(void)prism_v1_organization_service_transfer_ownership_wait(channel, NULL, &give, NULL,
	                                                            &tenant.result);
	assert_refused(PRISM_PERMISSION_DENIED, "SCOPE_TOO_LOW");
	prism_channel_close(channel, NULL, NULL);
}

/* --- TransferOwnership ------------------------------------------------------------------------ */

static void the_owner_hands_it_over(void **state)
{
	(void)state;
	struct own own = own_new();
	organization_t *updated = transfer(own.owner.id, own.id, own.member.id, "");
	assert_done();
	assert_string_equal(updated->owner_id, own.member.id);
	assert_int_equal(updated->version, 2);
	free_organization(updated);
	assert_int_equal(count("SELECT count(*) FROM organization_members WHERE organization_id ="
	                       " %ld AND user_id IN ('%s', '%s') AND role = 'admin'",
	                       (long)own.id, own.owner.id, own.member.id),
	                 2);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld"
	                       " AND verb = 'transfer_ownership' AND changes @>"
	                       " '{\"owner_id\": {\"old\": \"%s\", \"new\": \"%s\"}}'",
	                       (long)own.id, own.owner.id, own.member.id),
	                 1);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld"
	                       " AND entity_type = 'member' AND entity_id = '%s' AND changes @>"
	                       " '{\"role\": {\"old\": \"member\", \"new\": \"admin\"}}'",
	                       (long)own.id, own.member.id),
	                 1);
	assert_null(transfer(own.owner.id, own.id, own.owner.id, ""));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	free_organization(transfer(own.member.id, own.id, own.admin.id, ""));
	assert_done();
	free_organization(transfer(NULL, own.id, own.owner.id, ""));
	assert_done();
}

static void only_the_owner_does(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const low[] = {own.admin.id, own.member.id, own.viewer.id};
	const char *const no_part[] = {own.outsider.id, own.inactive.id};
	for (size_t i = 0; i < 3; i++) {
		assert_null(transfer(low[i], own.id, low[i], ""));
		assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	}
	for (size_t i = 0; i < 2; i++) {
		assert_null(transfer(no_part[i], own.id, own.admin.id, ""));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_null(transfer(own.owner.id, own.id, "", ""));
	assert_field("user_id");
}

static void an_owner_is_an_active_member(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id nobody = id_new();
	const char *const unable[] = {own.viewer.id, own.inactive.id, own.outsider.id, nobody.text};
	for (size_t i = 0; i < 4; i++) {
		assert_null(transfer(own.owner.id, own.id, unable[i], ""));
		assert_refused(PRISM_FAILED_PRECONDITION, "OWNER_NOT_MEMBER");
		assert_field("user_id");
	}
	organization_t *same = transfer(own.owner.id, own.id, own.owner.id, "");
	assert_done();
	assert_int_equal(same->version, 1);
	free_organization(same);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld",
	                       (long)own.id),
	                 0);
}

/* Whoever handed it over is no owner any more, and is answered all the same. */
static void a_repeated_transfer_has_one_effect(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id key = id_new();
	free_organization(transfer(own.owner.id, own.id, own.admin.id, key.text));
	assert_done();
	organization_t *again = transfer(own.owner.id, own.id, own.admin.id, key.text);
	assert_done();
	assert_string_equal(again->owner_id, own.admin.id);
	assert_int_equal(again->version, 2);
	free_organization(again);
	assert_null(transfer(own.owner.id, own.id, own.member.id, key.text));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	count("DELETE FROM organization_members WHERE user_id = '%s' RETURNING 1", own.owner.id);
	assert_null(transfer(own.owner.id, own.id, own.admin.id, key.text));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admins_change_it),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(a_mask_names_what_can_be_changed),
		cmocka_unit_test(a_long_foreign_path_is_refused_as_any_other),
		cmocka_unit_test(values_have_rules),
		cmocka_unit_test(changing_nothing_writes_nothing),
		cmocka_unit_test(a_stale_version_is_refused),
		cmocka_unit_test(a_repeated_change_has_one_effect),
		cmocka_unit_test(a_key_may_only_read),
		cmocka_unit_test(the_owner_hands_it_over),
		cmocka_unit_test(only_the_owner_does),
		cmocka_unit_test(an_owner_is_an_active_member),
		cmocka_unit_test(a_repeated_transfer_has_one_effect),
	};
	return cmocka_run_group_tests(tests, people_set_up, tenant_tear_down);
}
