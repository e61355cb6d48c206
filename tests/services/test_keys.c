/* Service keys as prism-db makes them, and the bootstrap key of prismd's first start. */
#include "db/keys/bootstrap.h"
#include "db/keys/token.h"
#include "migrate_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

struct keys {
	struct fixture *database;
	char directory[64], key_file[96], key[TOKEN_SIZE + 1];
};

static int setup(void **state)
{
	struct keys *keys = calloc(1, sizeof(*keys));
	void *database = NULL;
	assert_non_null(keys);
	assert_int_equal(fixture_setup(&database), 0);
	keys->database = database;
	directory_make(keys->directory);
	snprintf(keys->key_file, sizeof(keys->key_file), "%s/bootstrap.key", keys->directory);
	*state = keys;
	return 0;
}

static int setup_migrated(void **state)
{
	assert_int_equal(setup(state), 0);
	struct keys *keys = *state;
	assert_int_equal(fixture_run(keys->database, "upgrade", NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	struct keys *keys = *state;
	void *database = keys->database;
	directory_remove(keys->directory);
	free(keys);
	return fixture_teardown(&database);
}

#define RUN(keys, ...) \
	fixture_run((keys)->database, "--state-dir", (keys)->directory, __VA_ARGS__, NULL)

static void assert_says(const struct keys *keys, const char *words)
{
	if (!strstr(keys->database->text, words))
		fail_msg("'%s' is not in: %s", words, keys->database->text);
}

static long number(struct keys *keys, const char *sql)
{
	return fixture_number(keys->database, sql);
}

/* The key in what prism-db printed. */
static void take_key(struct keys *keys)
{
	const char *at = strstr(keys->database->text, "prk_");
	assert_non_null(at);
	snprintf(keys->key, TOKEN_SIZE, "%s", at);
	assert_true(token_valid(TOKEN_SERVICE_KEY, keys->key));
}

static void test_create(void **state)
{
	struct keys *keys = *state;
	char message[KEYRING_MESSAGE_SIZE], hash[KEYRING_HASH_TEXT_SIZE], sql[512];
	struct keyring *keyring;
	struct stat info;
	assert_int_equal(RUN(keys, "create-key", "--name", "billing", "--scope", "act-as-user",
	                     "--scope", "read-only", "--scope", "read-only"),
	                 0);
	take_key(keys);
	snprintf(sql, sizeof(sql), "%s/keyring", keys->directory);
	assert_int_equal(stat(sql, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_true(keyring_open(&keyring, keys->directory, message));
	keyring_token_hash_text(keyring, 0, keys->key, hash);
	keyring_close(keyring);
	snprintf(
		sql, sizeof(sql),
		"SELECT count(*) FROM service_keys k JOIN principals p ON p.id = k.principal_id"
		" WHERE token_hash = '%s' AND key_id = 1 AND name = 'billing' AND principal_id >= 2"
		" AND scopes = '{act-as-user,read-only}' AND organization_id IS NULL"
		" AND expires_at IS NULL AND revoked_at IS NULL",
		hash);
	assert_int_equal(number(keys, sql), 1);
	/* The key itself is nowhere in the database. */
	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM service_keys k WHERE k::text LIKE '%%%.43s%%'",
	         keys->key + 4);
	assert_int_equal(number(keys, sql), 0);
	/* A second key of the same service. */
	assert_int_equal(RUN(keys, "create-key", "--name", "billing", "--scope", "act-as-user",
	                     "--label", "next", "--expires", "30", "--json"),
	                 0);
	assert_int_equal(number(keys, "SELECT count(DISTINCT principal_id) FROM service_keys"), 1);
	assert_int_equal(number(keys,
	                        "SELECT count(*) FROM service_keys WHERE label = 'next'"
	                        " AND expires_at - created_at BETWEEN '29 days' AND '31 days'"),
	                 1);
}

static void test_create_refused(void **state)
{
	struct keys *keys = *state;
	assert_int_equal(RUN(keys, "create-key", "--name", "x"), 2);
	assert_int_equal(RUN(keys, "create-key", "--scope", "system"), 2);
	assert_int_equal(RUN(keys, "create-key", "--name", "x", "--scope", "sytem"), 2);
	assert_says(keys, "system, act-as-user, read-only, metrics");
	assert_int_equal(RUN(keys, "create-key", "--name", "", "--scope", "system"), 2);
	assert_int_equal(RUN(keys, "create-key", "--name", "a b", "--scope", "system"), 2);
	assert_int_equal(
		RUN(keys, "create-key", "--name", "x", "--scope", "system", "--expires", "0"), 2);
	assert_int_equal(RUN(keys, "create-key", "--name", "x", "--scope", "system",
	                     "--organization", "abc"),
	                 2);
	assert_int_equal(
		RUN(keys, "create-key", "--name", "x", "--scope", "system", "--organization", "77"),
		1);
	assert_says(keys, "there is no organization 77");
	assert_int_equal(RUN(keys, "create-key", "--name", "bootstrap", "--scope", "system"), 1);
	assert_int_equal(RUN(keys, "create-key", "--name", "session", "--scope", "system"), 1);
	assert_int_equal(number(keys, "SELECT count(*) FROM service_keys"), 0);
	assert_int_equal(number(keys, "SELECT count(*) FROM principals"), 2);
}

static void test_list_and_revoke(void **state)
{
	struct keys *keys = *state;
	fixture_sql(keys->database, "INSERT INTO users (email, username) VALUES ('a@b', 'a');"
	                            "INSERT INTO organizations (name, slug, owner_id)"
	                            " SELECT 'O', 'o', id FROM users");
	assert_int_equal(RUN(keys, "create-key", "--name", "one", "--scope", "system"), 0);
	assert_int_equal(RUN(keys, "create-key", "--name", "two", "--scope", "metrics",
	                     "--organization", "1"),
	                 0);
	take_key(keys);
	assert_int_equal(RUN(keys, "list-keys"), 0);
	assert_says(keys, "one");
	assert_says(keys, "metrics");
	assert_null(strstr(keys->database->text, keys->key + 4));
	assert_int_equal(RUN(keys, "list-keys", "--json"), 0);
	assert_says(keys, "\"organization_id\": 1");
	assert_says(keys, "\"state\": \"active\"");
	assert_int_equal(RUN(keys, "revoke-key", "2"), 0);
	assert_int_equal(
		number(keys, "SELECT count(*) FROM service_keys WHERE revoked_at IS NOT NULL"), 1);
	fixture_sql(keys->database,
	            "UPDATE service_keys SET revoked_at = '2026-01-01' WHERE id = 2");
	assert_int_equal(RUN(keys, "revoke-key", "2"), 0);
	assert_int_equal(
		number(keys, "SELECT count(*) FROM service_keys WHERE revoked_at = '2026-01-01'"),
		1);
	assert_int_equal(RUN(keys, "list-keys"), 0);
	assert_says(keys, "revoked");
	assert_int_equal(RUN(keys, "revoke-key", "99"), 1);
	assert_says(keys, "there is no key 99");
	assert_int_equal(RUN(keys, "revoke-key", "two"), 2);
}

static void test_keyring_verbs(void **state)
{
	struct keys *keys = *state;
	assert_int_equal(RUN(keys, "create-key", "--name", "one", "--scope", "system"), 0);
	assert_int_equal(RUN(keys, "keys", "rotate"), 0);
	assert_int_equal(RUN(keys, "create-key", "--name", "two", "--scope", "system"), 0);
	assert_int_equal(RUN(keys, "create-key", "--name", "two", "--scope", "system"), 0);
	assert_int_equal(number(keys, "SELECT count(*) FROM service_keys WHERE key_id = 2"), 2);
	assert_int_equal(RUN(keys, "keys", "status", "--json"), 0);
	assert_says(keys, "\"key_id\": 2");
	assert_says(keys, "\"service_keys\": 2");
	assert_says(keys, "\"state\": \"old\"");
	assert_int_equal(RUN(keys, "keys", "retire"), 2);
	assert_says(keys, "keys status");
}

static void test_without_tables(void **state)
{
	struct keys *keys = *state;
	assert_int_equal(RUN(keys, "create-key", "--name", "x", "--scope", "system"), 1);
	assert_says(keys, "prism-db upgrade head");
	assert_int_equal(RUN(keys, "list-keys"), 1);
	assert_int_equal(RUN(keys, "revoke-key", "1"), 1);
}

static void bootstrap(struct keys *keys)
{
	char message[KEYRING_MESSAGE_SIZE];
	struct keyring *keyring;
	assert_true(keyring_open(&keyring, keys->directory, message));
	bool made = bootstrap_key(keys->database->conninfo, keyring, keys->directory, message);
	keyring_close(keyring);
	if (!made)
		fail_msg("%s", message);
}

static void bootstrap_refused(struct keys *keys, const char *words)
{
	char message[KEYRING_MESSAGE_SIZE] = "";
	struct keyring *keyring;
	assert_true(keyring_open(&keyring, keys->directory, message));
	assert_false(bootstrap_key(keys->database->conninfo, keyring, keys->directory, message));
	keyring_close(keyring);
	if (!strstr(message, words))
		fail_msg("'%s' is not in: %s", words, message);
}

static void read_key(struct keys *keys)
{
	FILE *file = fopen(keys->key_file, "r");
	assert_non_null(file);
	assert_non_null(fgets(keys->key, sizeof(keys->key), file));
	fclose(file);
	keys->key[TOKEN_LENGTH] = '\0';
	assert_true(token_valid(TOKEN_SERVICE_KEY, keys->key));
}

static void test_bootstrap(void **state)
{
	static const char live[] = "SELECT count(*) FROM service_keys WHERE principal_id = 1"
				   " AND scopes = '{system}' AND revoked_at IS NULL";
	struct keys *keys = *state;
	struct stat info;
	char first[TOKEN_SIZE];
	bootstrap(keys);
	assert_int_equal(stat(keys->key_file, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	read_key(keys);
	memcpy(first, keys->key, sizeof(first));
	assert_int_equal(number(keys, live), 1);
	/* Again: nothing. */
	bootstrap(keys);
	read_key(keys);
	assert_string_equal(keys->key, first);
	assert_int_equal(number(keys, "SELECT count(*) FROM service_keys"), 1);
	/* After a rotation the old root key still recognises it. */
	assert_int_equal(RUN(keys, "keys", "rotate"), 0);
	bootstrap(keys);
	assert_int_equal(number(keys, "SELECT count(*) FROM service_keys"), 1);
	/* Without the file: another, and the former is revoked. */
	assert_int_equal(unlink(keys->key_file), 0);
	bootstrap(keys);
	read_key(keys);
	assert_string_not_equal(keys->key, first);
	assert_int_equal(number(keys, "SELECT count(*) FROM service_keys"), 2);
	assert_int_equal(number(keys, live), 1);
	assert_int_equal(
		number(keys,
	               "SELECT count(*) FROM service_keys WHERE revoked_at IS NULL AND key_id = 2"),
		1);
	/* Without the row (another database): the file's key is recorded. */
	fixture_sql(keys->database, "DELETE FROM service_keys");
	memcpy(first, keys->key, sizeof(first));
	bootstrap(keys);
	read_key(keys);
	assert_string_equal(keys->key, first);
	assert_int_equal(number(keys, live), 1);
	/* Revoked by hand: it stays so. */
	fixture_sql(keys->database, "UPDATE service_keys SET revoked_at = now()");
	bootstrap(keys);
	assert_int_equal(number(keys, live), 0);
}

/* Two machines with one database: neither revokes the other's. */
static void test_bootstrap_of_two(void **state)
{
	struct keys *keys = *state;
	char kept[64];
	bootstrap(keys);
	memcpy(kept, keys->directory, sizeof(kept));
	directory_make(keys->directory);
	bootstrap(keys);
	directory_remove(keys->directory);
	memcpy(keys->directory, kept, sizeof(kept));
	bootstrap(keys);
	assert_int_equal(number(keys, "SELECT count(*) FROM service_keys WHERE revoked_at IS NULL"),
	                 2);
}

static void test_bootstrap_refused(void **state)
{
	struct keys *keys = *state;
	bootstrap(keys);
	assert_int_equal(chmod(keys->key_file, 0644), 0);
	bootstrap_refused(keys, "chmod 600");
	assert_int_equal(chmod(keys->key_file, 0600), 0);
	fixture_file(keys->directory, "bootstrap.key", "prk_nonsense\n");
	bootstrap_refused(keys, "holds no service key");
	fixture_file(keys->directory, "bootstrap.key", "");
	bootstrap_refused(keys, "holds no service key");
}

static void test_bootstrap_without_tables(void **state)
{
	struct keys *keys = *state;
	bootstrap_refused(keys, "prism-db upgrade head");
	assert_int_equal(access(keys->key_file, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_migrated, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create),
		TEST(test_create_refused),
		TEST(test_list_and_revoke),
		TEST(test_keyring_verbs),
		cmocka_unit_test_setup_teardown(test_without_tables, setup, teardown),
		TEST(test_bootstrap),
		TEST(test_bootstrap_of_two),
		TEST(test_bootstrap_refused),
		cmocka_unit_test_setup_teardown(test_bootstrap_without_tables, setup, teardown),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
