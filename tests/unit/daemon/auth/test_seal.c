/* What is sealed opens with the same key, purpose and context, and in no other way. */
#include "daemon/auth/seal.h"
#include "tests/support/program.h"
#include "tests/unit/daemon/rpc/bare_call.h"

#include <sodium.h>
#include <stdio.h>

struct scene {
	char state_dir[64];
	struct keyring *keyring;
	struct auth *auth;
	struct rpc rpc;
	struct call *call;
};

static void open_keyring(struct scene *scene)
{
	char message[KEYRING_MESSAGE_SIZE];
	if (!keyring_open(&scene->keyring, scene->state_dir, message))
		fail_msg("%s", message);
	assert_true(auth_new(&scene->auth, NULL, scene->keyring));
	scene->rpc.auth = scene->auth;
	scene->call = bare_call(LIMIT_CALL_ARENA);
	scene->call->rpc = &scene->rpc;
}

static void close_keyring(struct scene *scene)
{
	bare_call_free(scene->call);
	auth_free(scene->auth);
	keyring_close(scene->keyring);
}

static int set_up(void **state)
{
	static struct scene scene;
	assert_true(sodium_init() >= 0);
	scene = (struct scene){0};
	directory_make(scene.state_dir);
	open_keyring(&scene);
	*state = &scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	close_keyring(scene);
	directory_remove(scene->state_dir);
	return 0;
}

static const char *seal(struct scene *scene, const char *context, const char *text)
{
	const char *sealed = seal_make(scene->call, KEYRING_PAGE_TOKEN, bytes_of_string(context),
	                               bytes_of_string(text));
	assert_non_null(sealed);
	return sealed;
}

static bool opens(struct scene *scene, const char *context, const char *sealed)
{
	uint8_t data[SEAL_DATA_MAX];
	size_t len;
	return seal_open(scene->call, KEYRING_PAGE_TOKEN, bytes_of_string(context), sealed, data,
	                 &len);
}

static void data_of_every_length_comes_back(void **state)
{
	struct scene *scene = *state;
	uint8_t data[SEAL_DATA_MAX], opened[SEAL_DATA_MAX];
	randombytes_buf(data, sizeof(data));
	for (size_t len = 0; len <= SEAL_DATA_MAX; len++) {
		size_t found;
		const char *sealed = seal_make(scene->call, KEYRING_PAGE_TOKEN,
		                               bytes_of_string("list"), bytes_of(data, len));
		assert_non_null(sealed);
		assert_true(seal_open(scene->call, KEYRING_PAGE_TOKEN, bytes_of_string("list"),
		                      sealed, opened, &found));
		assert_int_equal(found, len);
		assert_memory_equal(opened, data, len);
	}
}

static void it_shows_nothing(void **state)
{
	struct scene *scene = *state;
	const char *one = seal(scene, "list", "0123456789"),
		   *two = seal(scene, "list", "0123456789");
	assert_string_not_equal(one, two);
	assert_null(strstr(one, "0123456789"));
	assert_int_equal(strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                             "0123456789-_"),
	                 strlen(one));
}

static void it_is_of_its_context_and_purpose(void **state)
{
	struct scene *scene = *state;
	uint8_t data[SEAL_DATA_MAX];
	size_t len;
	const char *sealed = seal(scene, "list", "text");
	assert_true(opens(scene, "list", sealed));
	assert_false(opens(scene, "list ", sealed));
	assert_false(opens(scene, "", sealed));
	assert_false(
		seal_open(scene->call, KEYRING_CACHE, bytes_of_string("list"), sealed, data, &len));
}

static void what_was_changed_does_not_open(void **state)
{
	struct scene *scene = *state;
	char sealed[256], longer[260];
	snprintf(sealed, sizeof(sealed), "%s", seal(scene, "list", "some text"));
	size_t len = strlen(sealed);
	for (size_t i = 0; i < len; i++) {
		char kept = sealed[i];
		sealed[i] = kept == 'A' ? 'Q' : 'A'; /* not only the unused bits of the last one */
		assert_false(opens(scene, "list", sealed));
		sealed[i] = '*';
		assert_false(opens(scene, "list", sealed));
		sealed[i] = '\0';
		assert_false(opens(scene, "list", sealed));
		sealed[i] = kept;
	}
	snprintf(longer, sizeof(longer), "%sA", sealed);
	assert_false(opens(scene, "list", longer));
	snprintf(longer, sizeof(longer), "%s=", sealed);
	assert_false(opens(scene, "list", longer));
	assert_true(opens(scene, "list", sealed));
}

static void longer_texts_than_ours_do_not_open(void **state)
{
	struct scene *scene = *state;
	char text[1025];
	memset(text, 'A', sizeof(text) - 1);
	for (size_t len = 0; len < sizeof(text); len++) {
		text[len] = '\0';
		assert_false(opens(scene, "list", text));
		text[len] = 'A';
	}
}

static void an_older_key_opens_what_it_made(void **state)
{
	struct scene *scene = *state;
	char message[KEYRING_MESSAGE_SIZE], before[256];
	snprintf(before, sizeof(before), "%s", seal(scene, "list", "text"));
	uint32_t old = keyring_key_id(scene->keyring, 0);
	close_keyring(scene);
	assert_true(keyring_rotate(scene->state_dir, message));
	open_keyring(scene);
	assert_int_not_equal(keyring_key_id(scene->keyring, 0), old);
	assert_true(opens(scene, "list", before));
	assert_true(opens(scene, "list", seal(scene, "list", "text")));
}

static void another_keyring_opens_nothing(void **state)
{
	struct scene *scene = *state;
	struct scene other = {0};
	directory_make(other.state_dir);
	open_keyring(&other);
	assert_false(opens(scene, "list", seal(&other, "list", "text")));
	close_keyring(&other);
	directory_remove(other.state_dir);
}

static void without_memory_there_is_none(void **state)
{
	struct scene *scene = *state;
	struct call *call = bare_call(0);
	call->rpc = &scene->rpc;
	assert_null(seal_make(call, KEYRING_PAGE_TOKEN, bytes_of_string("list"),
	                      bytes_of_string("text")));
	bare_call_free(call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_of_every_length_comes_back),
		cmocka_unit_test(it_shows_nothing),
		cmocka_unit_test(it_is_of_its_context_and_purpose),
		cmocka_unit_test(what_was_changed_does_not_open),
		cmocka_unit_test(longer_texts_than_ours_do_not_open),
		cmocka_unit_test(an_older_key_opens_what_it_made),
		cmocka_unit_test(another_keyring_opens_nothing),
		cmocka_unit_test(without_memory_there_is_none),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
