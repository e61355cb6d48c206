/* The plugin, run by protoc: what it refuses, and that it does the same twice.
 *
 * A file in protos/bad says in its first lines what is to be said of it. */
#include "tests/support/program.h"
#include "tests/unit/client/plugin/support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char directory[64];
static char output[PROGRAM_TEXT];

static int directory_begin(void **state)
{
	(void)state;
	directory_make(directory);
	return 0;
}

static int directory_end(void **state)
{
	(void)state;
	directory_remove(directory);
	return 0;
}

/* protoc with --prism-c_out=`parameter`:directory; its exit code. */
static int protoc(const char *parameter, const char *proto)
{
	char plugin[512], out[256];
	snprintf(plugin, sizeof plugin, "--plugin=protoc-gen-prism-c=%s",
	         program_path("protoc-gen-prism-c"));
	snprintf(out, sizeof out, "--prism-c_out=%s%s%s", parameter, *parameter ? ":" : "",
	         directory);
	return program_run(
		(const char *const[]){PROTOC, plugin, out, "-I" PROTOS, "-I" ROOT, proto, NULL},
		NULL, output);
}

/* --- refusals -------------------------------------------------------------------- */

/* The file's lines "// expects: TEXT", joined as protoc prints them. */
static void expectation(const char *path, char *text, size_t size)
{
	static const char MARK[] = "// expects: ";
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	char line[2048];
	size_t len = (size_t)snprintf(text, size, "--prism-c_out: ");
	while (fgets(line, sizeof line, file) && strncmp(line, MARK, strlen(MARK)) == 0) {
		assert_true(len + strlen(line) < size);
		len += (size_t)snprintf(text + len, size - len, "%s", line + strlen(MARK));
	}
	fclose(file);
}

static void assert_ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);
	if (len < end_len || strcmp(text + len - end_len, end) != 0)
		fail_msg("expected:\n%s\ngot:\n%s", end, text);
}

static void each_bad_file_is_refused_with_a_clear_text(void **state)
{
	(void)state;
	DIR *bad = opendir(PROTOS "/bad");
	assert_non_null(bad);
	size_t files = 0;
	for (struct dirent *entry; (entry = readdir(bad)) != NULL;) {
		char path[512], proto[280], expected[PROGRAM_TEXT];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/bad/%s", PROTOS, entry->d_name);
		snprintf(proto, sizeof proto, "bad/%s", entry->d_name);
		expectation(path, expected, sizeof expected);
		assert_int_not_equal(protoc("methods", proto), 0);
		assert_ends_with(output, expected);
		files++;
	}
	closedir(bad);
	assert_true(files >= 17);
}

static void an_unknown_parameter_is_refused(void **state)
{
	(void)state;
	assert_int_not_equal(protoc("methods+klient", "good/shared.proto"), 0);
	assert_ends_with(output, "parameter: klient: is unknown; methods, server and client are "
	                         "allowed, joined by '+'\n");
	assert_int_not_equal(protoc("", "good/shared.proto"), 0);
	assert_ends_with(output,
	                 "parameter: what to generate is missing; --prism-c_out=methods+server:DIR "
	                 "is an example (methods, server and client are allowed)\n");
}

/* --- what is generated -------------------------------------------------------------- */

static char *contents(const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	static char text[1 << 20];
	size_t len = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[len] = '\0';
	return strcpy(malloc(len + 1), text);
}

static void the_same_input_gives_the_same_output(void **state)
{
	(void)state;
	static const char *const FILES[] = {
		"good/kinds.prism-methods.h", "good/kinds.prism-methods.c",
		"good/kinds.prism-server.h",  "good/kinds.prism-server.c",
		"good/kinds.prism-client.h",  "good/kinds.prism-client.c"};
	enum { COUNT = sizeof FILES / sizeof *FILES };
	char *first[COUNT];
	assert_int_equal(protoc("methods+server+client", "good/kinds.proto"), 0);
	for (size_t i = 0; i < COUNT; i++)
		first[i] = contents(FILES[i]);
	assert_int_equal(protoc("client,server,methods", "good/kinds.proto"), 0);
	for (size_t i = 0; i < COUNT; i++) {
		char *again = contents(FILES[i]);
		assert_string_equal(first[i], again);
		free(again);
		free(first[i]);
	}
}

static void assert_holds(const char *file, const char *const *lines)
{
	char *text = contents(file);
	for (; *lines; lines++)
		if (!strstr(text, *lines))
			fail_msg("%s does not hold: %s\n%s", file, *lines, text);
	free(text);
}

static void headers_declare_what_users_call(void **state)
{
	(void)state;
	assert_int_equal(protoc("methods+server+client", "good/kinds.proto"), 0);
	assert_holds("good/kinds.prism-methods.h",
	             (const char *const[]){"from good/kinds.proto: do not edit.",
	                                   "#include \"good/kinds.pb-c.h\"\n",
	                                   "/* Things, in all the ways to ask for them.\n",
	                                   "extern const struct service_methods "
	                                   "plugin_kinds_v1_thing_service_methods;\n",
	                                   NULL});
	assert_holds("good/kinds.prism-server.h",
	             (const char *const[]){
			     "#include \"daemon/rpc/service.h\"\n",
			     "struct plugin_kinds_v1_thing_service_handlers {\n",
			     "One thing. A comment that tries to end itself: * / and / * "
			     "again.\n\t *\n\t * And a second paragraph. */\n",
			     "enum status plugin_kinds_v1_thing_service_list_things_send(",
			     "enum status plugin_kinds_v1_thing_service_add_things_receive(",
			     NULL});
	assert_holds(
		"good/kinds.prism-client.h",
		(const char *const[]){"#include <prism/client.h>\n",
	                              "plugin_kinds_v1_thing_service_get_thing_wait(\n",
	                              "plugin_kinds_v1_thing_service_list_things_open(\n",
	                              "plugin_kinds_v1_thing_service_add_things_call_send(\n",
	                              "plugin_kinds_v1_thing_service_add_things_stream_send(\n",
	                              "plugin_kinds_v1_thing_service_add_things_finish(\n",
	                              "plugin_kinds_v1_thing_service_talk_of_things_close_send(\n",
	                              "plugin_kinds_v1_thing_service_talk_of_things_next(\n",
	                              "__attribute__((deprecated)) PRISM_MUST_CHECK struct "
	                              "prism_call *plugin_kinds_v1_thing_service_create_thing(",
	                              NULL});
}

/* --- run by hand ------------------------------------------------------------------- */

static int plugin(const char *argument)
{
	return program_run(
		(const char *const[]){program_path("protoc-gen-prism-c"), argument, NULL}, NULL,
		output);
}

static void it_tells_its_version_and_how_it_is_used(void **state)
{
	(void)state;
	assert_int_equal(plugin("--version"), 0);
	assert_string_equal(output, "protoc-gen-prism-c " PRISM_VERSION "\n");
	assert_int_equal(plugin("--help"), 0);
	assert_non_null(strstr(output, "protoc --prism-c_out=MODE[+MODE...]:DIR"));
	assert_int_equal(plugin("--nonsense"), 2);
	assert_non_null(strstr(output, "protoc --prism-c_out=MODE[+MODE...]:DIR"));
}

static void input_that_protoc_would_not_send_is_refused(void **state)
{
	(void)state;
	char command[600];
	snprintf(command, sizeof command, "printf garbage | %s",
	         program_path("protoc-gen-prism-c"));
	assert_int_equal(
		program_run((const char *const[]){"/bin/sh", "-c", command, NULL}, NULL, output),
		1);
	assert_string_equal(output,
	                    "protoc-gen-prism-c: standard input is no CodeGeneratorRequest: "
	                    "protoc runs this program (--help says how)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_file_is_refused_with_a_clear_text),
		cmocka_unit_test(an_unknown_parameter_is_refused),
		cmocka_unit_test(the_same_input_gives_the_same_output),
		cmocka_unit_test(headers_declare_what_users_call),
		cmocka_unit_test(it_tells_its_version_and_how_it_is_used),
		cmocka_unit_test(input_that_protoc_would_not_send_is_refused),
	};
	return cmocka_run_group_tests(tests, directory_begin, directory_end);
}
