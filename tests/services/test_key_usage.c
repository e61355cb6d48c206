/* When a service key was last used: prismd notes it now and then, and no call depends on it. */
#include "tests/services/session.h"
#include "tests/services/story_fixture.h"

static long served_at; /* by PostgreSQL's clock, in microseconds since 1970 */

/* One worker, with nothing remembered. */
static void serve_anew(void)
{
	served_at = count("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8");
	stack_kill_and_serve(&tenant.stack, (const char *const[]){"--workers", "1", NULL});
}

/* Ids go up in the order of stack_key(). */
static long key_new(char key[STACK_KEY_SIZE])
{
	stack_key(&tenant.stack, "act-as-user", 0, key);
	return count("SELECT max(id) FROM service_keys");
}

/* A call by a key, over a connection of its own. */
static void call_by(const char *key)
{
	struct prism_channel *channel = stack_channel(&tenant.stack, key, MEMBER);
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	story_t *story = NULL;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = story_by_sql(10, "Read");
	(void)prism_v1_story_service_get_story_wait(channel, NULL, &request, &story,
	                                            &tenant.result);
	if (!story)
		fail_msg("%s", tenant.result.message);
	free_story(story);
	prism_channel_close(channel, NULL, NULL);
}

static void await_note(long id)
{
	while (count("SELECT count(*) FROM service_keys WHERE id = %ld AND (last_used_at IS NULL "
	             "OR last_used_at < now() - interval '10 minutes')",
	             id))
		continue;
}

/* A key that is used for the first time: when that is noted, what came before it is, too. */
static void await_notes(void)
{
	char key[STACK_KEY_SIZE];
	long id = key_new(key);
	call_by(key);
	await_note(id);
}

static void used(long id, const char *ago)
{
	count("UPDATE service_keys SET last_used_at = date_trunc('second', now() - interval '%s') "
	      "WHERE id = %ld RETURNING 1",
	      ago, id);
}

/* Seconds since 1970; 0: never. */
static long last_used(long id)
{
	return count("SELECT coalesce(extract(epoch FROM last_used_at), 0)::int8 FROM service_keys "
	             "WHERE id = %ld",
	             id);
}

/* How many of prismd's connections were told to note something last. */
static long told(void)
{
	return count(
		"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%UPDATE service_keys "
		"k%%' AND pid <> pg_backend_pid() AND extract(epoch FROM query_start) * 1000000 "
		"> %ld",
		served_at);
}

static void a_call_is_noted(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE];
	long id = key_new(key);
	assert_int_equal(last_used(id), 0);
	call_by(key);
	await_note(id);
	assert_true(told() > 0);
}

/* Another daemon looks the key up, and leaves what is not a minute old. */
static void but_not_again_within_a_minute(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE];
	long id = key_new(key);
	used(id, "20 seconds");
	long noted = last_used(id);
	serve_anew();
	call_by(key);
	await_notes();
	assert_int_equal(last_used(id), noted);
	used(id, "1 hour");
	serve_anew();
	call_by(key);
	await_note(id);
}

static void a_refused_key_is_not_used(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE];
	long id = key_new(key);
	count("UPDATE service_keys SET revoked_at = now() WHERE id = %ld RETURNING 1", id);
	struct prism_channel *channel = stack_channel(&tenant.stack, key, MEMBER);
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	story_t *story = NULL;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = 1;
	(void)prism_v1_story_service_get_story_wait(channel, NULL, &request, &story,
	                                            &tenant.result);
	assert_null(story);
	assert_refused(PRISM_UNAUTHENTICATED, "KEY_INVALID");
	prism_channel_close(channel, NULL, NULL);
	await_notes();
	assert_int_equal(last_used(id), 0);
}

/* Whoever works on the key's row is waited for by no call and by no note. */
static void nobody_is_waited_for(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE], sql[96];
	long id = key_new(key);
	snprintf(sql, sizeof(sql), "SELECT FROM service_keys WHERE id = %ld FOR UPDATE", id);
	assert_true(session("BEGIN"));
	assert_true(session(sql));
	call_by(key);
	await_notes();
	assert_int_equal(
		count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), 0);
	assert_int_equal(last_used(id), 0);
	session_end();
	serve_anew();
	call_by(key);
	await_note(id);
}

/* --- a database that takes no notes
 * --------------------------------------------------------------- */

/* prismd's next connections begin with this setting. */
static int database_set(const char *setting)
{
	count("ALTER DATABASE postgres SET %s", setting);
	return 0;
}

static int database_reset(void **state)
{
	(void)state;
	count("ALTER DATABASE postgres RESET ALL");
	serve_anew();
	return 0;
}

/* Calls go on; nothing is tried, so neither log has an error. */
static void expect_no_notes(const char *setting)
{
	char key[STACK_KEY_SIZE], other[STACK_KEY_SIZE], log[PROGRAM_TEXT];
	long id = key_new(key);
	(void)key_new(other);
	(void)database_set(setting);
	serve_anew();
	call_by(key);
	call_by(other);
	assert_int_equal(last_used(id), 0);
	assert_int_equal(told(), 0);
	program_log(&tenant.stack.prismd, log, sizeof(log));
	assert_null(strstr(log, "service_key"));
}

static void the_daemons_role_may_note(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE];
	long id = key_new(key);
	(void)database_set("role = 'prism_app'");
	serve_anew();
	call_by(key);
	await_note(id);
}

static void one_that_may_only_read_does_not(void **state)
{
	(void)state;
	count("REVOKE UPDATE ON service_keys FROM prism_app");
	expect_no_notes("role = 'prism_app'");
	count("GRANT UPDATE ON service_keys TO prism_app");
}

static void nothing_is_noted_in_a_read_only_database(void **state)
{
	(void)state;
	expect_no_notes("default_transaction_read_only = on");
}

/* What is refused after all, since the right went after the look-up, fails no call. */
static void a_note_that_fails_is_lost(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE];
	long id = key_new(key);
	count("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION "
	      "''no notes''; END'");
	count("CREATE TRIGGER refuse BEFORE UPDATE ON service_keys EXECUTE FUNCTION refuse()");
	serve_anew();
	call_by(key);
	while (told() == 0)
		continue;
	call_by(key);
	assert_int_equal(last_used(id), 0);
	count("DROP FUNCTION refuse CASCADE");
	serve_anew();
	call_by(key);
	await_note(id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_noted),
		cmocka_unit_test(but_not_again_within_a_minute),
		cmocka_unit_test(a_refused_key_is_not_used),
		cmocka_unit_test(nobody_is_waited_for),
		cmocka_unit_test(a_note_that_fails_is_lost),
		cmocka_unit_test_teardown(the_daemons_role_may_note, database_reset),
		cmocka_unit_test_teardown(one_that_may_only_read_does_not, database_reset),
		cmocka_unit_test_teardown(nothing_is_noted_in_a_read_only_database, database_reset),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
