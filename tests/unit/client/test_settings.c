/* Addresses and a channel's options, as people give them. */
#include "client/settings.h"
#include "tests/support/program.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEX  "0123456789"
#define LONG HEX HEX HEX HEX HEX HEX HEX HEX HEX HEX

static void test_good_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
		int family; /* 0: a name */
	} good[] = {
		{"127.0.0.1:7400", "127.0.0.1:7400", AF_INET},
		{"10.1.2.3", "10.1.2.3:7400", AF_INET},
		{"[::1]:80", "[::1]:80", AF_INET6},
		{"[fe80::1]", "[fe80::1]:7400", AF_INET6},
		{"localhost", "localhost:7400", 0},
		{"db.example.org:65535", "db.example.org:65535", 0},
		{"unix:/run/prism.sock", "unix:/run/prism.sock", AF_UNIX},
		{"unix:/" LONG "123456", "unix:/" LONG "123456", AF_UNIX},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct address address;
		char message[ADDRESS_MESSAGE_SIZE];
		if (!address_read(good[i].text, &address, message))
			fail_msg("%s: %s", good[i].text, message);
		assert_string_equal(address.text, good[i].shown);
		assert_int_equal(address.kind, good[i].family ? ADDRESS_KNOWN : ADDRESS_NAME);
		if (good[i].family)
			assert_int_equal(address.socket.ss_family, good[i].family);
	}
}

static void test_socket_addresses(void **state)
{
	(void)state;
	struct address address;
	char message[ADDRESS_MESSAGE_SIZE];
	assert_true(address_read("127.0.0.2:513", &address, message));
	struct sockaddr_in in;
	memcpy(&in, &address.socket, sizeof in);
	assert_int_equal(ntohs(in.sin_port), 513);
	assert_int_equal(ntohl(in.sin_addr.s_addr), 0x7f000002);
	assert_int_equal(address.socket_len, sizeof in);
	assert_true(address_read("unix:/a", &address, message));
	struct sockaddr_un un;
	memcpy(&un, &address.socket, sizeof un);
	assert_string_equal(un.sun_path, "/a");
	assert_int_equal(address.socket_len, offsetof(struct sockaddr_un, sun_path) + 3);
}

static void test_bad_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"", "1 to 253 characters"},
		{":7400", "1 to 253 characters"},
		{"host:", "from 1 to 65535"},
		{"host:0", "from 1 to 65535"},
		{"host:65536", "from 1 to 65535"},
		{"host:999999", "from 1 to 65535"},
		{"host:-1", "from 1 to 65535"},
		{"host:12x", "from 1 to 65535"},
		{"::1", "must be in brackets"},
		{"a:b:c", "must be in brackets"},
		{"[::1", "[ipv6]:port"},
		{"[::1]7400", "[ipv6]:port"},
		{"[host]:1", "must be an IPv6 address"},
		{"[127.0.0.1]:1", "must be an IPv6 address"},
		{LONG LONG LONG, "1 to 253 characters"},
		{"unix:", "must begin with /"},
		{"unix:run/x", "must begin with /"},
		{"unix:/" LONG "1234567", "at most 107 bytes"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct address address;
		char message[ADDRESS_MESSAGE_SIZE];
		if (address_read(bad[i].text, &address, message))
			fail_msg("%s was accepted", bad[i].text);
		if (!strstr(message, bad[i].words) || !strstr(message, "unix:/path are allowed"))
			fail_msg("%s: %s", bad[i].text, message);
	}
}

/* --- settings ------------------------------------------------------------------------------- */

static int clear_environment(void **state)
{
	(void)state;
	unsetenv("PRISM_ADDRESS");
	unsetenv("PRISM_KEY_FILE");
	unsetenv("PRISM_ACTOR");
	return 0;
}

static void assert_refused(const struct prism_channel_options *options, enum prism_status status,
                           const char *words)
{
	struct prism_channel *channel = (struct prism_channel *)&options;
	char message[256];
	assert_int_equal(prism_channel_open(&channel, options, NULL, message), status);
	assert_ptr_equal(channel, &options);
	if (!strstr(message, words))
		fail_msg("\"%s\" does not say \"%s\"", message, words);
	assert_int_equal(prism_channel_open(&channel, options, NULL, NULL), status);
}

static void test_defaults(void **state)
{
	(void)state;
	struct settings settings;
	struct prism_channel_options options = {0};
	char message[SETTINGS_MESSAGE_SIZE];
	assert_int_equal(settings_init(&settings, &options, message), STATUS_OK);
	assert_string_equal(settings.address.text, "127.0.0.1:7400");
	assert_string_equal(settings.actor, "");
	assert_null(settings.token);
	assert_string_equal(settings.agent, "libprism/" PRISM_VERSION);
	assert_int_equal(settings.connect_timeout_ms, 20000);
	assert_int_equal(settings.idle_timeout_ms, 0);
	assert_int_equal(settings.max_message, 4194304);
	settings_deinit(&settings);
	struct prism_channel *channel;
	assert_int_equal(prism_channel_open(&channel, NULL, NULL, message), PRISM_OK);
	assert_string_equal(message, "");
	prism_channel_close(channel, NULL, NULL);
}

#define ACTOR "01234567-89ab-CDEF-0123-456789abcdef"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* What is not given comes from the environment; what is given wins; empty is unset. */
static void test_environment(void **state)
{
	(void)state;
	struct settings settings;
	char message[SETTINGS_MESSAGE_SIZE], path[64];
	file_make(path, "\n  prk_abc\t\r\n");
	setenv("PRISM_ADDRESS", "[::1]:99", 1);
	setenv("PRISM_KEY_FILE", path, 1);
	setenv("PRISM_ACTOR", ACTOR, 1);
	struct prism_channel_options options = {.agent = "shop", .max_message = 17};
	assert_int_equal(settings_init(&settings, &options, message), STATUS_OK);
	assert_string_equal(settings.address.text, "[::1]:99");
	assert_string_equal(settings.token, "prk_abc");
	assert_string_equal(settings.actor, ACTOR);
	assert_string_equal(settings.agent, "shop libprism/" PRISM_VERSION);
	assert_int_equal(settings.max_message, 17);
	settings_deinit(&settings);
	options = (struct prism_channel_options){.address = "h", .key = "prk_own", .actor = ""};
	assert_int_equal(settings_init(&settings, &options, message), STATUS_OK);
	assert_string_equal(settings.address.text, "h:7400");
	assert_string_equal(settings.token, "prk_own");
	assert_string_equal(settings.actor, "");
	settings_deinit(&settings);
	setenv("PRISM_ADDRESS", "", 1);
	setenv("PRISM_KEY_FILE", "", 1);
	setenv("PRISM_ACTOR", "", 1);
	options = (struct prism_channel_options){0};
	assert_int_equal(settings_init(&settings, &options, message), STATUS_OK);
	assert_string_equal(settings.address.text, "127.0.0.1:7400");
	assert_null(settings.token);
	settings_deinit(&settings);
	unlink(path);
}

static void test_bad_keys(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"", "begins with prk_"},
		{"secret", "begins with prk_"},
		{"prs_abc", "begins with prk_"},
		{"prk_a\x01", "no spaces and only ASCII"},
		{"prk_\xc3\xa4", "no spaces and only ASCII"},
		{"prk_" LONG LONG LONG LONG LONG LONG, "at most 512 characters"},
	};
	char path[64];
	file_make(path, "");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		write_file(path, bad[i].text);
		struct prism_channel_options by_file = {.key_file = path};
		struct prism_channel_options direct = {.key = bad[i].text};
		assert_refused(&by_file, PRISM_INVALID_ARGUMENT, bad[i].words);
		assert_refused(&direct, PRISM_INVALID_ARGUMENT, bad[i].words);
	}
	unlink(path);
	assert_refused(&(struct prism_channel_options){.key_file = path}, PRISM_NOT_FOUND,
	               "No such file");
	assert_refused(&(struct prism_channel_options){.key_file = "/tmp"}, PRISM_PERMISSION_DENIED,
	               "Is a directory");
	assert_refused(&(struct prism_channel_options){.key = "prk_a b"}, PRISM_INVALID_ARGUMENT,
	               "no spaces");
}

static void test_bad_options(void **state)
{
	(void)state;
	static const char *const actors[] = {"somebody", "01234567-89ab-cdef-0123-456789abcde",
	                                     ACTOR "0", "01234567x89ab-cdef-0123-456789abcdef",
	                                     "g1234567-89ab-cdef-0123-456789abcdef"};
	for (size_t i = 0; i < sizeof actors / sizeof *actors; i++)
		assert_refused(&(struct prism_channel_options){.actor = actors[i]},
		               PRISM_INVALID_ARGUMENT, "must be a user's UUID");
	assert_refused(&(struct prism_channel_options){.address = "host:0"}, PRISM_INVALID_ARGUMENT,
	               "bad address \"host:0\"");
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(prism_status_name(PRISM_NOT_FOUND), "NOT_FOUND");
	assert_string_equal(prism_status_name(PRISM_UNAUTHENTICATED), "UNAUTHENTICATED");
	assert_string_equal(prism_status_name((enum prism_status)99), "STATUS_?");
	assert_string_equal(prism_version(), PRISM_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_addresses),
		cmocka_unit_test(test_socket_addresses),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test_setup(test_defaults, clear_environment),
		cmocka_unit_test_setup(test_environment, clear_environment),
		cmocka_unit_test_setup(test_bad_keys, clear_environment),
		cmocka_unit_test_setup(test_bad_options, clear_environment),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
