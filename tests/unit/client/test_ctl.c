/* The parts of prismctl that are for people: cards, tables, widths, rules in words, names. */
#include "client/ctl/card.h"
#include "client/ctl/catalog.h"
#include "client/ctl/describe.h"
#include "client/ctl/names.h"
#include "client/ctl/table.h"
#include "client/ctl/text.h"
#include "client/ctl/values.h"
#include "daemon/services/page.h"
#include "proto/limits.h"
#include "tests/unit/client/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* --- what goes to standard output ----------------------------------------------------------------
 */

static char printed[8192];

/* Runs print(what) with standard output in a file. */
static const char *print_of(void (*print)(const char *what), const char *what)
{
	int file = memfd_create("printed", MFD_CLOEXEC), before = dup(STDOUT_FILENO);
	fflush(stdout);
	dup2(file, STDOUT_FILENO);
	print(what);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	ssize_t len = pread(file, printed, sizeof printed - 1, 0);
	printed[len > 0 ? len : 0] = '\0';
	close(before);
	close(file);
	return printed;
}

static void test_card(void **state)
{
	(void)state;
	assert_string_equal(print_of(card_print, "{}"), "(empty)\n");
	assert_string_equal(print_of(card_print, "\"2025-01-31T12:00:00Z\""),
	                    "\"2025-01-31T12:00:00Z\"\n");
	assert_string_equal(print_of(card_print, "{\"id\":\"1\",\"done\":true,\"points\":2.5,"
	                                         "\"labels\":[\"a\",\"b\"],"
	                                         "\"owner\":{\"name\":\"J\xc3\xb6rg\"}}"),
	                    "id          1\n"
	                    "done        true\n"
	                    "points      2.5\n"
	                    "labels      a, b\n"
	                    "owner.name  J\xc3\xb6rg\n");
}

static void test_card_of_lists(void **state)
{
	(void)state;
	assert_string_equal(
		print_of(card_print,
	                 "{\"stories\":[{\"key\":\"A-1\",\"title\":\"\xe6\x97\xa5\xe6\x9c\xac\"},"
	                 "{\"key\":\"A-20\",\"points\":3,\"title\":\"x\\ny\"}],\"next\":\"t\","
	                 "\"in\":{\"more\":[{\"a\":1}]}}"),
		"next  t\n"
		"\n"
		"stories (2)\n"
		"  KEY   TITLE  POINTS\n"
		"  A-1   \xe6\x97\xa5\xe6\x9c\xac\n"
		"  A-20  x\\ny   3\n"
		"\n"
		"in.more (1)\n"
		"  A\n"
		"  1\n");
}

/* --- text
 * ------------------------------------------------------------------------------------------- */

static void test_widths(void **state)
{
	(void)state;
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("\xc3\xa4\xc3\xb6"), 2);
	assert_int_equal(text_width("\xe6\x97\xa5\xe6\x9c\xac"), 4); /* two columns each */
	assert_int_equal(text_width("e\xcc\x81"), 1);                /* combining: no column */
}

static void assert_visible(const char *text, size_t width, const char *expected)
{
	char *visible = text_visible(text, width);
	assert_string_equal(visible, expected);
	free(visible);
}

static void test_visible(void **state)
{
	(void)state;
	assert_visible("plain", 0, "plain");
	assert_visible("a\tb\nc\x7f", 0, "a\\tb\\nc\\x7f");
	assert_visible("\x1b]0;title\x07", 0, "\\x1b]0;title\\x07");
	assert_visible("\xc2\x9b", 0, "\\xc2\\x9b"); /* a control character beyond ASCII */
	assert_visible("a\xe2\x80\xae"
	               "b",
	               0, "a\\xe2\\x80\\xaeb");      /* turns the direction */
	assert_visible("\xff\xfe", 0, "\\xff\\xfe"); /* no UTF-8 */
	assert_visible("1234567890", 10, "1234567890");
	assert_visible("12345678901", 10, "1234567...");
	assert_visible("\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac", 7,
	               "\xe6\x97\xa5\xe6\x9c\xac...");
}

static void print_table(const char *what)
{
	struct table table;
	(void)what;
	table_init(&table, 2, 8);
	table_add(&table, "a");
	table_add(&table, "");
	table_add(&table, "bbb");
	table_add_format(&table, "%d", 17);
	table_add(&table, "1234567890");
	table_add(&table, "x");
	table_print(&table, 1, stdout);
	table_deinit(&table);
}

static void test_table(void **state)
{
	(void)state;
	assert_string_equal(print_of(print_table, ""), " a\n"
	                                               " bbb       17\n"
	                                               " 12345...  x\n");
}

/* --- rules
 * ------------------------------------------------------------------------------------------- */

static void test_rules(void **state)
{
	(void)state;
	static const struct {
		struct field_rule rule;
		const char *words;
	} each[] = {
		{{.number = 1,
	          .has = RULE_REQUIRED | RULE_MIN_LEN | RULE_MAX_LEN | RULE_TRIMMED,
	          .min_len = 1,
	          .max_len = 255},
	         "required, 1 to 255 characters, no white space at its ends"},
		{{.number = 1, .has = RULE_MIN_LEN, .min_len = 3, .format = RULE_EMAIL},
	         "at least 3 characters, an e-mail address"},
		{{.number = 1, .has = RULE_MAX_LEN, .max_len = 9, .format = RULE_UUID},
	         "at most 9 characters, a UUID"},
		{{.number = 2, .has = RULE_MAX_LEN, .max_len = 64}, "at most 64 bytes"},
		{{.number = 3, .has = RULE_MIN | RULE_MAX, .min = -1, .max = 1000}, "-1 to 1000"},
		{{.number = 3, .has = RULE_MAX, .max = 7}, "at most 7"},
		{{.number = 1, .has = RULE_MAX_BYTES, .max_bytes = 64}, "at most 64 bytes"},
		{{.number = 3, .has = RULE_KNOWN_ENUM}, ""},
		{{.number = 3, .has = RULE_MIN, .min = 0, .zero_means = 20, .cap = 200},
	         "at least 0, 0 is taken as 20, more than 200 as 200"},
	};
	const ProtobufCMessageDescriptor *note = &prism__test__client__note__descriptor;
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		char text[FIELD_TEXT_SIZE];
		struct message_rules rules = {.message = note, .fields = &each[i].rule, .count = 1};
		field_rules(note, &rules,
		            protobuf_c_message_descriptor_get_field(note, each[i].rule.number),
		            text);
		assert_string_equal(text, each[i].words);
	}
}

/* What is said of a page's size is what the daemon makes of it; masks say what they may name. */
static void test_rules_told(void **state)
{
	(void)state;
	size_t services = CATALOG_BUILT_IN.count, pages = 0, masks = 0;
	const struct service_methods *const *all = CATALOG_BUILT_IN.services;
	for (size_t i = 0; i < services; i++) {
		for (size_t j = 0; j < all[i]->count; j++) {
			const struct method *method = &all[i]->methods[j];
			const ProtobufCFieldDescriptor *size, *mask;
			size = protobuf_c_message_descriptor_get_field_by_name(method->request,
			                                                       "page_size");
			mask = protobuf_c_message_descriptor_get_field_by_name(method->request,
			                                                       "update_mask");
			if (size) {
				const struct field_rule *rule = rules_find(method->rules, size->id);
				assert_int_equal(rule->zero_means, PAGE_SIZE_DEFAULT);
				assert_int_equal(rule->cap, LIMIT_PAGE_SIZE);
				pages++;
			}
			if (mask) {
				assert_non_null(rules_find(method->rules, mask->id)->paths);
				masks++;
			}
		}
	}
	assert_true(pages >= 8 && masks >= 7);
}

/* An example keeps the rules that it is made of. */
static void test_example(void **state)
{
	(void)state;
	static const struct field_rule fields[] = {
		{.number = 1, .has = RULE_REQUIRED | RULE_MIN_LEN, .min_len = 7},
		{.number = 3, .has = RULE_REQUIRED | RULE_MIN, .min = 50},
	};
	const struct message_rules rules = {
		.message = &prism__test__client__note__descriptor, .fields = fields, .count = 2};
	json_t *example = message_example(rules.message, &rules);
	char *text = json_dumps(example, JSON_COMPACT);
	assert_string_equal(text, "{\"text\":\"textxxx\",\"number\":50}");
	free(text);
	json_decref(example);
}

/* --- names and values
 * ------------------------------------------------------------------------------------ */

static void test_names(void **state)
{
	(void)state;
	assert_true(name_matches("prism.v1.StoryService", "storyservice"));
	assert_true(name_matches("prism.v1.StoryService", "PRISM.v1.StoryService"));
	assert_false(name_matches("prism.v1.StoryService", "Service"));
	struct suggestion suggestion;
	suggestion_init(&suggestion, "helth");
	assert_false(suggestion_near(&suggestion));
	suggestion_consider(&suggestion, "ping");
	suggestion_consider(&suggestion, "health");
	suggestion_consider(&suggestion, "list");
	assert_string_equal(suggestion.best, "health");
	assert_true(suggestion_near(&suggestion));
}

/* What is in the catalogue can be found by what it is called there. */
static void test_catalog(void **state)
{
	(void)state;
	char fault[CATALOG_FAULT_SIZE];
	const struct catalog *catalog = &CATALOG_BUILT_IN;
	const struct service_methods *const *services = catalog->services;
	size_t count = catalog->count;
	assert_true(count >= 2);
	for (size_t i = 0; i < count; i++) {
		const struct service_methods *service;
		assert_true(catalog_service(catalog, catalog_short(services[i]), &service, fault));
		assert_ptr_equal(service, services[i]);
		for (size_t j = 0; j < service->count; j++) {
			struct catalog_entry entry;
			const ProtobufCMessageDescriptor *message;
			const struct message_rules *rules;
			assert_true(
				catalog_method(catalog, service->methods[j].path, &entry, fault));
			assert_ptr_equal(entry.method, &service->methods[j]);
			assert_true(catalog_message(catalog, entry.method->request->name, &message,
			                            &rules, fault));
			assert_ptr_equal(message, entry.method->request);
		}
	}
}

static void test_values(void **state)
{
	(void)state;
	char fault[VALUE_FAULT_SIZE] = "";
	struct bytes text = bytes_of_string(" \n{\"a\":[1]} 17");
	text = value_start(text);
	assert_int_equal(value_len(text, fault), 9);
	text = value_start(bytes_of(text.data + 9, text.len - 9));
	assert_int_equal(value_len(text, fault), 2);
	assert_int_equal(value_start(bytes_of_string(" \t\r\n")).len, 0);
	assert_int_equal(value_len(bytes_of_string("{\"a\""), fault), 0);
	assert_true(*fault != '\0');
}

int main(void)
{
	text_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_card),       cmocka_unit_test(test_card_of_lists),
		cmocka_unit_test(test_widths),     cmocka_unit_test(test_visible),
		cmocka_unit_test(test_table),      cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_told), cmocka_unit_test(test_example),
		cmocka_unit_test(test_names),      cmocka_unit_test(test_catalog),
		cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
