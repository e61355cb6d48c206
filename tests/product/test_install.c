/* What `cmake --install` puts down is a whole product: it is moved to another place, and from there
 * alone programs are built, with CMake and by hand, and run against the prismd that is in it. */
#include "tests/support/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_SIZE = 256, COMMAND_SIZE = 4096 };

static struct stack stack;
static char prefix[PATH_SIZE]; /* where the installed tree is */
static char text[PROGRAM_TEXT];

static void expect_text(const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

/* One command line of sh; its output is in `text`. */
static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
	char command[COMMAND_SIZE];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_in_range(len, 1, COMMAND_SIZE - 1);
	return program_run((const char *const[]){"/bin/sh", "-ec", command, NULL}, NULL, text);
}

static void shell_succeeds(const char *what, int code)
{
	if (code != 0)
		fail_msg("%s: exit code %d\n%s", what, code, text);
}

/* --- the product, and prismd out of it ------------------------------------------------------ */

static void install(const char *component, const char *destination)
{
	shell_succeeds("cmake --install", shell("DESTDIR=%s cmake --install " PRISM_BUILD_DIR
	                                        " --prefix /opt/prism %s",
	                                        destination, component));
}

static void serve(void)
{
	char program[PATH_SIZE + 16];
	snprintf(program, sizeof(program), "%s/sbin/prismd", prefix);
	const char *const argv[] = {program,
	                            "--listen",
	                            "127.0.0.1:0",
	                            "--workers",
	                            "1",
	                            "--state-dir",
	                            stack.directory,
	                            "--database-url",
	                            cluster_conninfo(stack.cluster),
	                            NULL};
	program_start(&stack.prismd, argv, NULL);
	setenv("PRISM_ADDRESS", stack.prismd.address, 1);
	char key_file[PATH_SIZE];
	snprintf(key_file, sizeof(key_file), "%s/bootstrap.key", stack.directory);
	setenv("PRISM_KEY_FILE", key_file, 1);
}

static int set_up(void **state)
{
	(void)state;
	char staged[PATH_SIZE];
	stack_open(&stack);
	snprintf(staged, sizeof(staged), "%s/staged", stack.directory);
	install("", staged);
	snprintf(prefix, sizeof(prefix), "%s/moved", stack.directory);
	shell_succeeds("mv", shell("mv %s/opt/prism %s", staged, prefix));
	serve();
	shell_succeeds("prismctl import", shell("%s/bin/prismctl import --quiet -o json "
	                                        "%s/share/doc/prism/examples/ferry-backlog.ndjson",
	                                        prefix, prefix));
	expect_text("\"organizationId\": 1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stack_stop(&stack);
	return 0;
}

static bool is_there(const char *directory, const char *name)
{
	char path[PATH_SIZE * 2];
	struct stat found;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return lstat(path, &found) == 0;
}

static void test_what_is_installed(void **state)
{
	(void)state;
	static const char *const files[] = {
		"sbin/prismd",
		"bin/prismctl",
		"bin/prism-db",
		"bin/protoc-gen-prism-c",
		"include/prism/client.h",
		"share/prism/proto/prism/v1/story.proto",
		"share/prism/proto/prism/options.proto",
		"share/prism/proto/grpc/health/v1/health.proto",
		"share/doc/prism/examples/get_story.c",
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!is_there(prefix, files[i]))
			fail_msg("%s is not installed", files[i]);
	shell_succeeds("readelf", shell("readelf -d %s/" PRISM_LIBDIR "/libprism.so", prefix));
	expect_text("SONAME");
	expect_text("[libprism.so.0]");
	shell_succeeds("find", shell("cd %s/include && find . -name '*.h'", prefix));
	assert_string_equal(text, "./prism/client.h\n");
}

/* Else it would not be the same on another machine. */
static void test_no_text_names_the_tree_that_built_it(void **state)
{
	(void)state;
	assert_int_equal(shell("grep -rIl -e " PRISM_SOURCE_DIR " %s", prefix), 1);
	assert_string_equal(text, "");
}

static void test_components(void **state)
{
	(void)state;
	char runtime[PATH_SIZE], devel[PATH_SIZE], docs[PATH_SIZE];
	snprintf(runtime, sizeof(runtime), "%s/runtime", stack.directory);
	snprintf(devel, sizeof(devel), "%s/devel", stack.directory);
	snprintf(docs, sizeof(docs), "%s/docs", stack.directory);
	install("--component runtime", runtime);
	install("--component devel", devel);
	install("--component docs", docs);
	assert_true(is_there(runtime, "opt/prism/sbin/prismd"));
	assert_false(is_there(runtime, "opt/prism/include"));
	assert_false(is_there(runtime, "opt/prism/share/man"));
	assert_true(is_there(devel, "opt/prism/bin/protoc-gen-prism-c"));
	assert_false(is_there(devel, "opt/prism/sbin"));
	assert_true(is_there(docs, "opt/prism/share/man/man1/prismctl.1"));
	assert_false(is_there(docs, "opt/prism/bin"));
	/* Together they are everything, and nothing is in two of them. */
	shell_succeeds("sort",
	               shell("cd %s && for one in runtime devel docs; do "
	                     "(cd $one/opt/prism && find . ! -type d); done | sort > parts\n"
	                     "cd %s && find . ! -type d | sort | diff - ../parts",
	                     stack.directory, prefix));
}

/* --- programs --------------------------------------------------------------------------------- */

static void copy_examples(const char *name)
{
	shell_succeeds("cp", shell("cp -r %s/share/doc/prism/examples %s/%s", prefix,
	                           stack.directory, name));
}

static void reads_the_story(const char *program)
{
	shell_succeeds(program, shell("cd %s && %s 1 DEMO-3", stack.directory, program));
	assert_string_equal(text, "DEMO-3 Pay by card\n");
	assert_int_equal(shell("cd %s && %s 1 DEMO-999", stack.directory, program), 1);
	expect_text("NOT_FOUND");
}

static void test_example_by_find_package(void **state)
{
	(void)state;
	copy_examples("packaged");
	shell_succeeds("cmake",
	               shell("cd %s/packaged && cmake -G Ninja -B build -DCMAKE_PREFIX_PATH=%s "
	                     "-DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=" PRISM_C_COMPILER
	                     " -DCMAKE_C_FLAGS='" PRISM_C_FLAGS "' && cmake --build build",
	                     stack.directory, prefix));
	reads_the_story("packaged/build/get_story");
}

static void test_example_by_hand(void **state)
{
	(void)state;
	copy_examples("by_hand");
	shell_succeeds("make", shell("cd %s/by_hand && PKG_CONFIG_PATH=%s/" PRISM_LIBDIR
	                             "/pkgconfig make CC=" PRISM_C_COMPILER
	                             " CFLAGS='-O1 " PRISM_C_FLAGS "'",
	                             stack.directory, prefix));
	reads_the_story("by_hand/get_story");
}

static void test_program_in_cplusplus(void **state)
{
	(void)state;
	static const char source[] =
		"#include <prism/client.h>\n"
		"#include <cstdio>\n"
		"int main() {\n"
		"	prism_channel *channel;\n"
		"	if (prism_channel_open(&channel, nullptr, nullptr, nullptr) != PRISM_OK)\n"
		"		return 1;\n"
		"	prism_status status = prism_ping_wait(channel, 0, nullptr, nullptr);\n"
		"	prism_channel_close(channel, nullptr, nullptr);\n"
		"	std::puts(prism_version());\n"
		"	return status == PRISM_OK ? 0 : 1;\n"
		"}\n";
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/ping.cpp", stack.directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(source, file);
	assert_int_equal(fclose(file), 0);
	shell_succeeds(
		"c++",
		shell("export PKG_CONFIG_PATH=%s/" PRISM_LIBDIR "/pkgconfig\n"
	              "cd %s && c++ -O1 -std=c++17 -Wall -Wextra -Wpedantic -Werror " PRISM_C_FLAGS
	              " $(pkg-config --cflags prism) ping.cpp -o ping "
	              "$(pkg-config --libs prism)",
	              prefix, stack.directory));
	shell_succeeds("ping", shell("LD_LIBRARY_PATH=%s/" PRISM_LIBDIR " %s/ping", prefix,
	                             stack.directory));
	assert_string_equal(text, PRISM_VERSION "\n");
}

/* --- what prism_generate() refuses ------------------------------------------------------------ */

static void generate_refuses(const char *languages, const char *arguments, const char *why)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/refused", stack.directory);
	shell_succeeds("mkdir", shell("rm -rf %s && mkdir %s", path, path));
	strcat(path, "/CMakeLists.txt");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
	        "cmake_minimum_required(VERSION 3.16)\nproject(refused LANGUAGES %s)\n"
	        "find_package(Prism " PRISM_VERSION " REQUIRED)\nprism_generate(%s)\n",
	        languages, arguments);
	assert_int_equal(fclose(file), 0);
	assert_int_not_equal(shell("cd %s/refused && cmake -G Ninja -B build "
	                           "-DCMAKE_MESSAGE_LOG_LEVEL=WARNING -DCMAKE_PREFIX_PATH=%s",
	                           stack.directory, prefix),
	                     0);
	expect_text(why);
}

static void test_generate_says_what_is_wrong(void **state)
{
	(void)state;
	generate_refuses("C", "TARGET stubs", "PROTOS is missing");
	generate_refuses("C", "TARGET stubs PROTOS prism/v1/story.proto MODES client calls",
	                 "no mode calls");
	generate_refuses("C", "TARGET stubs PROTOS prism/v1/none.proto",
	                 "prism/v1/none.proto is not in");
	generate_refuses("C", "TARGET stubs PROTO prism/v1/story.proto",
	                 "no PROTO;prism/v1/story.proto;");
	generate_refuses("NONE", "TARGET stubs PROTOS prism/v1/story.proto", "LANGUAGES C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_installed),
		cmocka_unit_test(test_no_text_names_the_tree_that_built_it),
		cmocka_unit_test(test_components),
		cmocka_unit_test(test_example_by_find_package),
		cmocka_unit_test(test_example_by_hand),
		cmocka_unit_test(test_program_in_cplusplus),
		cmocka_unit_test(test_generate_says_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
