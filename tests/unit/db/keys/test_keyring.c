#include "db/keys/keyring.h"
#include "tests/support/program.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char token[] = "prk_00000000000000000000000000000000000000000000000000";

struct fixture {
	char directory[64], state_dir[128], file[160];
	char message[KEYRING_MESSAGE_SIZE];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	directory_make(fixture->directory);
	snprintf(fixture->state_dir, sizeof(fixture->state_dir), "%s/deep/state",
	         fixture->directory);
	snprintf(fixture->file, sizeof(fixture->file), "%s/keyring", fixture->state_dir);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	directory_remove(fixture->directory);
	free(fixture);
	return 0;
}

static struct keyring *open_it(struct fixture *fixture)
{
	struct keyring *keyring;
	if (!keyring_open(&keyring, fixture->state_dir, fixture->message))
		fail_msg("%s", fixture->message);
	return keyring;
}

static void assert_refused(struct fixture *fixture, const char *words)
{
	struct keyring *keyring;
	assert_false(keyring_open(&keyring, fixture->state_dir, fixture->message));
	if (!strstr(fixture->message, words) || !strstr(fixture->message, fixture->file))
		fail_msg("'%s' and the file are not in: %s", words, fixture->message);
}

static void write_file(struct fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture->file, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_made_at_first_use(void **state)
{
	struct fixture *fixture = *state;
	struct stat info;
	uint8_t first[KEYRING_HASH_SIZE], again[KEYRING_HASH_SIZE];
	struct keyring *keyring = open_it(fixture);
	assert_int_equal(keyring_count(keyring), 1);
	assert_int_equal(keyring_key_id(keyring, 0), 1);
	keyring_token_hash(keyring, 0, token, first);
	keyring_close(keyring);
	assert_int_equal(stat(fixture->file, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(stat(fixture->state_dir, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	keyring = open_it(fixture);
	keyring_token_hash(keyring, 0, token, again);
	keyring_close(keyring);
	assert_memory_equal(first, again, sizeof(first));
}

static void test_purposes_differ(void **state)
{
	struct fixture *fixture = *state;
	uint8_t tokens[KEYRING_KEY_SIZE], pages[KEYRING_KEY_SIZE], hash[KEYRING_HASH_SIZE],
		other[KEYRING_HASH_SIZE];
	char text[KEYRING_HASH_TEXT_SIZE];
	struct keyring *keyring = open_it(fixture);
	keyring_derive(keyring, 0, KEYRING_TOKEN_HASH, tokens);
	keyring_derive(keyring, 0, KEYRING_PAGE_TOKEN, pages);
	assert_memory_not_equal(tokens, pages, sizeof(tokens));
	keyring_token_hash(keyring, 0, token, hash);
	keyring_token_hash(keyring, 0, token + 1, other);
	assert_memory_not_equal(hash, other, sizeof(hash));
	keyring_token_hash_text(keyring, 0, token, text);
	assert_memory_equal(text, "\\x", 2);
	assert_int_equal(strlen(text), 2 + 2 * KEYRING_HASH_SIZE);
	assert_int_equal(strtoul((char[]){text[2], text[3], '\0'}, NULL, 16), hash[0]);
	keyring_close(keyring);
}

static void test_rotate(void **state)
{
	struct fixture *fixture = *state;
	uint8_t before[KEYRING_HASH_SIZE], old[KEYRING_HASH_SIZE], new[KEYRING_HASH_SIZE];
	struct keyring *keyring = open_it(fixture);
	keyring_token_hash(keyring, 0, token, before);
	keyring_close(keyring);
	assert_true(keyring_rotate(fixture->state_dir, fixture->message));
	keyring = open_it(fixture);
	assert_int_equal(keyring_count(keyring), 2);
	assert_int_equal(keyring_key_id(keyring, 0), 2);
	assert_int_equal(keyring_key_id(keyring, 1), 1);
	keyring_token_hash(keyring, 0, token, new);
	keyring_token_hash(keyring, 1, token, old);
	assert_memory_equal(before, old, sizeof(old));
	assert_memory_not_equal(before, new, sizeof(new));
	keyring_close(keyring);
	for (int i = 2; i < KEYRING_KEYS_MAX; i++)
		assert_true(keyring_rotate(fixture->state_dir, fixture->message));
	assert_false(keyring_rotate(fixture->state_dir, fixture->message));
	assert_non_null(strstr(fixture->message, "full"));
	keyring = open_it(fixture);
	assert_int_equal(keyring_count(keyring), KEYRING_KEYS_MAX);
	keyring_close(keyring);
}

static void test_others_may_read(void **state)
{
	struct fixture *fixture = *state;
	keyring_close(open_it(fixture));
	static const mode_t modes[] = {0640, 0604, 0660, 0620, 0777};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(fixture->file, modes[i]), 0);
		assert_refused(fixture, "chmod 600");
	}
	assert_int_equal(chmod(fixture->file, 0400), 0);
	keyring_close(open_it(fixture));
}

static void test_no_regular_file(void **state)
{
	struct fixture *fixture = *state;
	keyring_close(open_it(fixture));
	assert_int_equal(unlink(fixture->file), 0);
	assert_int_equal(mkfifo(fixture->file, 0600), 0);
	assert_refused(fixture, "no regular file");
	assert_int_equal(unlink(fixture->file), 0);
	assert_int_equal(mkdir(fixture->file, 0700), 0);
	assert_refused(fixture, "no regular file");
}

/* Root reads everybody's: look as somebody who is not. */
static void test_somebody_elses(void **state)
{
	struct fixture *fixture = *state;
	if (geteuid() != 0)
		skip();
	keyring_close(open_it(fixture));
	assert_int_equal(chmod(fixture->state_dir, 0777), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct keyring *keyring;
		bool opened = setuid(65534) != 0 ||
		              keyring_open(&keyring, fixture->state_dir, fixture->message);
		_exit(opened || !strstr(fixture->message, fixture->file));
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void test_damaged(void **state)
{
	static const struct {
		const char *text, *words;
	} damaged[] = {
		{"", "no key"},
		{"# nothing\n\n", "no key"},
		{"active:" KEY "\n", ":1:"},
		{"0:active:" KEY "\n", "1 to 65535"},
		{"65536:active:" KEY "\n", "1 to 65535"},
		{"99999999999999999999:active:" KEY "\n", "1 to 65535"},
		{"1:old:" KEY "\n", "first key has to be `active`"},
		{"1:active:" KEY "\n2:active:" KEY "\n", ":2:"},
		{"1:active:" KEY "\n1:old:" KEY "\n", "twice"},
		{"1:active:AAAA\n", "base64"},
		{"1:active:" KEY "AAAA\n", "base64"},
		{"1:active:" KEY " \n", "base64"},
		{"1:active:*\n", "base64"},
		{"1:active:" KEY "\nrubbish\n", ":2:"},
	};
	struct fixture *fixture = *state;
	keyring_close(open_it(fixture));
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		write_file(fixture, damaged[i].text);
		assert_refused(fixture, damaged[i].words);
		/* Never made anew over what is there. */
		assert_false(keyring_rotate(fixture->state_dir, fixture->message));
	}
	write_file(fixture, "# mine\n7:active:" KEY "\n\n3:old:" KEY);
	struct keyring *keyring = open_it(fixture);
	assert_int_equal(keyring_key_id(keyring, 0), 7);
	assert_int_equal(keyring_key_id(keyring, 1), 3);
	keyring_close(keyring);
}

static void test_too_large(void **state)
{
	struct fixture *fixture = *state;
	keyring_close(open_it(fixture));
	char *text = malloc(1 << 20);
	assert_non_null(text);
	memset(text, '#', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	write_file(fixture, text);
	free(text);
	assert_refused(fixture, "cannot read");
}

/* Programs that make it at the same moment end up with one and the same. */
static void test_made_at_once(void **state)
{
	enum { PROGRAMS = 8 };
	struct fixture *fixture = *state;
	uint8_t hashes[PROGRAMS][KEYRING_HASH_SIZE];
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < PROGRAMS; i++) {
		if (fork() == 0) {
			struct keyring *keyring;
			uint8_t hash[KEYRING_HASH_SIZE];
			if (!keyring_open(&keyring, fixture->state_dir, fixture->message))
				_exit(1);
			keyring_token_hash(keyring, 0, token, hash);
			_exit(write(ends[1], hash, sizeof(hash)) != sizeof(hash));
		}
	}
	close(ends[1]);
	for (int i = 0; i < PROGRAMS; i++) {
		int status = -1;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(ends[0], hashes[i], KEYRING_HASH_SIZE), KEYRING_HASH_SIZE);
		assert_memory_equal(hashes[i], hashes[0], KEYRING_HASH_SIZE);
	}
	close(ends[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_made_at_first_use), TEST(test_purposes_differ), TEST(test_rotate),
		TEST(test_others_may_read),   TEST(test_no_regular_file), TEST(test_somebody_elses),
		TEST(test_damaged),           TEST(test_too_large),       TEST(test_made_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
