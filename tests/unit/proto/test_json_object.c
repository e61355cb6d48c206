#include "proto/json_object.h"
#include "proto/limits.h"
#include "tests/unit/proto/support.h"

static const char *fault_of(const char *text, size_t len)
{
	uint8_t *copy = exact_copy(bytes_of(text, len));
	const char *fault = json_object_fault(bytes_of(copy, len));
	free(copy);
	return fault;
}

static void assert_object(const char *text)
{
	const char *fault = fault_of(text, strlen(text));
	if (fault)
		fail_msg("%s: %s", text, fault);
	for (size_t len = 0; len < strlen(text); len++) {
		if (strspn(text + len, " \t\r\n") != strlen(text + len))
			assert_non_null(fault_of(text, len));
	}
}

static void assert_fault(const char *text, const char *why)
{
	const char *fault = fault_of(text, strlen(text));
	if (!fault || !strstr(fault, why))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, fault ? fault : "", why);
}

static void objects_are_taken_and_cut_ones_are_not(void **state)
{
	(void)state;
	assert_object("{}");
	assert_object(" \t\r\n{ \n} ");
	assert_object("{\"a\":1}");
	assert_object("{\"a\": -0.5e+10, \"b\": [1, 2.0, 3E-1, 0, -0], \"c\": {\"\": null}}");
	assert_object("{\"a\":[],\"b\":[[]],\"t\":true,\"f\":false,\"n\":null}");
	assert_object("{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\":\"\\uD83D\\uDE00\"}");
	assert_object("{\"caf\xc3\xa9\":\"\x7f\"}");
	assert_object("{\"a\":1,\"a\":2}");
	assert_object("{\"a\":123456789012345678901234567890}");
}

static void other_values_are_no_objects(void **state)
{
	(void)state;
	static const char *const others[] = {"",     " ",    "[]", "\"a\"", "1",
	                                     "null", "true", "x",  "[{}]"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_fault(others[i], "start with '{'");
}

static void faults_are_named(void **state)
{
	(void)state;
	assert_fault("{} x", "follows");
	assert_fault("{}{}", "follows");
	assert_fault("{a:1}", "name in double quotes");
	assert_fault("{'a':1}", "name in double quotes");
	assert_fault("{\"a\":1,}", "name in double quotes");
	assert_fault("{,}", "name in double quotes");
	assert_fault("{\"a\" 1}", "':'");
	assert_fault("{\"a\":1 \"b\":2}", "','");
	assert_fault("{\"a\":[1 2]}", "','");
	assert_fault("{\"a\":[1,]}", "value is malformed");
	assert_fault("{\"a\":}", "value is malformed");
	assert_fault("{\"a\":1", "closing bracket");
	assert_fault("{\"a\":[1}", "closing bracket");
	assert_fault("{\"a\":\"b", "no end");
	assert_fault("{\"a", "no end");
	assert_fault("{\"\\x\":1}", "unknown escape");
	assert_fault("{\"\\", "unknown escape");
	assert_fault("{\"\\u12g4\":1}", "hexadecimal");
	assert_fault("{\"\\u123", "hexadecimal");
	assert_fault("{\"a\":\"\x1f\"}", "control character");
	assert_fault("{\"a\":\"\n\"}", "control character");
}

static void what_jsonb_refuses_is_refused(void **state)
{
	(void)state;
	assert_fault("{\"a\":\"\\u0000\"}", "\\u0000");
	assert_fault("{\"a\":\"\\ud800\"}", "surrogate");
	assert_fault("{\"a\":\"\\udc00\"}", "surrogate");
	assert_fault("{\"a\":\"\\ud800\\n\"}", "surrogate");
	assert_fault("{\"a\":\"\\ud800\\ud800\"}", "surrogate");
	assert_fault("{\"a\":\"\\ud800x\"}", "surrogate");
	assert_fault("{\"a\":\"\\ud800\\ue000\"}", "surrogate");
	assert_fault("{\"a\":\"\\ud800\\u12\"}", "surrogate");
	assert_non_null(fault_of("{\"a\":\"\0\"}", 9));
	assert_non_null(fault_of("{\0}", 3));
	assert_non_null(fault_of("{}\0", 3));
}

static void words_and_numbers_are_strict(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"01",  "-",   "+1",   ".5",  "1.",  "1.e1",     "1e", "1e+",       "--1",
		"0x1", "tru", "True", "nul", "NaN", "Infinity", "-a", "undefined",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[64];
		snprintf(text, sizeof text, "{\"a\":%s}", bad[i]);
		assert_non_null(fault_of(text, strlen(text)));
	}
	assert_non_null(fault_of("{\"a\":truex}", 11));
	assert_non_null(fault_of("{\"a\":1x}", 8));
}

/* jsonb holds numbers of some 131,072 digits, keeps 1e131000 in a few bytes, and writes it out in
 * full. */
static void numbers_have_limits(void **state)
{
	(void)state;
	static char text[8 * LIMIT_JSON_EXPONENTS];
	assert_object("{\"a\":1e308,\"b\":-1.5E-308,\"c\":1e+0000300}");
	assert_fault("{\"a\":1e309}", "exponent");
	assert_fault("{\"a\":1e-309}", "exponent");
	assert_fault("{\"a\":1e99999999999999999999}", "exponent");
	for (size_t digits = LIMIT_JSON_NUMBER; digits <= LIMIT_JSON_NUMBER + 1; digits++) {
		snprintf(text, sizeof text, "{\"a\":%0*d}", (int)digits, 0);
		text[5] = '1';
		assert_int_equal(fault_of(text, strlen(text)) == NULL, digits <= LIMIT_JSON_NUMBER);
	}
	size_t most = LIMIT_JSON_EXPONENTS / LIMIT_JSON_EXPONENT;
	for (size_t count = most; count <= most + 1; count++) {
		size_t len = (size_t)snprintf(text, sizeof text, "{\"a\":[0");
		for (size_t i = 0; i < count; i++)
			len += (size_t)snprintf(text + len, sizeof text - len, ",1e308");
		snprintf(text + len, sizeof text - len, "]}");
		assert_int_equal(fault_of(text, strlen(text)) == NULL, count == most);
	}
}

static void nesting_has_a_limit(void **state)
{
	(void)state;
	for (int depth = LIMIT_JSON_DEPTH - 1; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
		char text[4 * LIMIT_JSON_DEPTH + 64] = "{\"a\":";
		for (int i = 1; i < depth; i++)
			strcat(text, "[");
		strcat(text, "1");
		for (int i = 1; i < depth; i++)
			strcat(text, "]");
		strcat(text, "}");
		const char *fault = fault_of(text, strlen(text));
		assert_int_equal(fault == NULL, depth <= LIMIT_JSON_DEPTH);
		if (fault)
			assert_non_null(strstr(fault, "deep"));
	}
	assert_object("{\"a\":[[],[],[]],\"b\":{\"c\":{}},\"d\":{\"e\":{}}}");
}

static void a_hostile_depth_does_not_recurse(void **state)
{
	(void)state;
	enum { LEN = 1000000 };
	char *text = malloc(LEN);
	assert_non_null(text);
	memset(text, '[', LEN);
	memcpy(text, "{\"a\":", 5);
	assert_non_null(strstr(fault_of(text, LEN), "deep"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_taken_and_cut_ones_are_not),
		cmocka_unit_test(other_values_are_no_objects),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(what_jsonb_refuses_is_refused),
		cmocka_unit_test(words_and_numbers_are_strict),
		cmocka_unit_test(numbers_have_limits),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(a_hostile_depth_does_not_recurse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
