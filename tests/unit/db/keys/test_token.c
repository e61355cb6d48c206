#include "db/keys/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 200 };

static void test_made_is_valid(void **state)
{
	char token[TOKEN_SIZE], former[TOKEN_SIZE] = "";
	(void)state;
	for (int i = 0; i < MANY; i++) {
		token_make(TOKEN_SERVICE_KEY, token);
		assert_int_equal(strlen(token), TOKEN_LENGTH);
		assert_memory_equal(token, "prk_", 4);
		assert_true(token_valid(TOKEN_SERVICE_KEY, token));
		assert_false(token_valid(TOKEN_SESSION, token));
		assert_string_not_equal(token, former);
		memcpy(former, token, sizeof(former));
	}
	token_make(TOKEN_SESSION, token);
	assert_true(token_valid(TOKEN_SESSION, token));
	token_make(TOKEN_REFRESH, token);
	assert_true(token_valid(TOKEN_REFRESH, token));
	assert_memory_equal(token, "prr_", 4);
}

/* Made by another implementation: CRC-32 of zlib over the first 47 characters, in base 62. */
static void test_vector(void **state)
{
	(void)state;
	assert_true(token_valid(TOKEN_SERVICE_KEY,
	                        "prk_00000000000000000000000000000000000000000002htIMu"));
	assert_true(token_valid(TOKEN_SESSION,
	                        "prs_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq3vC05y"));
}

static void test_every_typo_is_found(void **state)
{
	char token[TOKEN_SIZE];
	(void)state;
	token_make(TOKEN_SERVICE_KEY, token);
	for (size_t i = 0; i < TOKEN_LENGTH; i++) {
		char kept = token[i];
		for (int c = 1; c < 256; c++) {
			token[i] = (char)c;
			if (token[i] != kept)
				assert_false(token_valid(TOKEN_SERVICE_KEY, token));
		}
		token[i] = kept;
	}
	for (size_t i = 4; i + 1 < TOKEN_LENGTH; i++) {
		char left = token[i], right = token[i + 1];
		token[i] = right;
		token[i + 1] = left;
		if (left != right)
			assert_false(token_valid(TOKEN_SERVICE_KEY, token));
		token[i] = left;
		token[i + 1] = right;
	}
	assert_true(token_valid(TOKEN_SERVICE_KEY, token));
}

static void test_other_lengths(void **state)
{
	char token[TOKEN_SIZE + 8];
	(void)state;
	assert_false(token_valid(TOKEN_SERVICE_KEY, ""));
	assert_false(token_valid(TOKEN_SERVICE_KEY, "prk_"));
	token_make(TOKEN_SERVICE_KEY, token);
	for (size_t length = 0; length < TOKEN_LENGTH; length++) {
		char *cut = strndup(token, length);
		assert_non_null(cut);
		assert_false(token_valid(TOKEN_SERVICE_KEY, cut));
		free(cut);
	}
	strcpy(token + TOKEN_LENGTH, "0");
	assert_false(token_valid(TOKEN_SERVICE_KEY, token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_is_valid),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_every_typo_is_found),
		cmocka_unit_test(test_other_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
