#include "daemon/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];

static int setup(void **state)
{
	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	log_set_output(ends[1]);
	log_set_level(LOG_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_set_output(STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* What was written so far. */
static const char *written(void)
{
	static char text[8 * LOG_LINE_SIZE];
	ssize_t len = read(ends[0], text, sizeof(text) - 1);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

/* The line after its time. */
static const char *line(void)
{
	const char *level = strstr(written(), " level=");
	assert_non_null(level);
	return level + 1;
}

static void test_fields(void **state)
{
	(void)state;
	log_line(LOG_WARN, "listening", LOG_TEXT("address", "127.0.0.1:1"), LOG_NUMBER("n", -5));
	assert_string_equal(line(), "level=warn event=listening address=127.0.0.1:1 n=-5\n");
}

static void test_time(void **state)
{
	(void)state;
	log_line(LOG_INFO, "x", LOG_NUMBER("n", 1));
	const char *text = written();
	int year, month, day, hour, minute, second, ms;
	assert_int_equal(sscanf(text, "ts=%4d-%2d-%2dT%2d:%2d:%2d.%3dZ level=info", &year, &month,
	                        &day, &hour, &minute, &second, &ms),
	                 7);
}

/* One event is one line, whatever a peer put into it. */
static void test_quoting(void **state)
{
	(void)state;
	log_line(LOG_INFO, "x", LOG_TEXT("a", "two words"), LOG_TEXT("b", "say \"so\"\\"),
	         LOG_TEXT("c", "line\nlevel=error\x7f"), LOG_TEXT("d", ""), LOG_TEXT("e", "k=v"),
	         LOG_TEXT("f", "gr\xc3\xbc\xc3\x9f"));
	assert_string_equal(line(), "level=info event=x a=\"two words\" b=\"say \\\"so\\\"\\\\\" "
	                            "c=\"line\\x0alevel=error\\x7f\" d=\"\" e=\"k=v\" "
	                            "f=gr\xc3\xbc\xc3\x9f\n");
}

static void test_levels(void **state)
{
	(void)state;
	log_line(LOG_DEBUG, "quiet", LOG_NUMBER("n", 1));
	assert_string_equal(written(), "");
	log_set_level(LOG_DEBUG);
	assert_true(log_enabled(LOG_DEBUG));
	log_line(LOG_DEBUG, "loud", LOG_NUMBER("n", 1));
	assert_string_equal(line(), "level=debug event=loud n=1\n");
}

static void test_long_lines_are_cut(void **state)
{
	(void)state;
	char text[3 * LOG_LINE_SIZE];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_line(LOG_INFO, "x", LOG_TEXT("a", text));
	const char *all = written();
	assert_int_equal(strlen(all), LOG_LINE_SIZE);
	assert_int_equal(all[LOG_LINE_SIZE - 1], '\n');
}

/* A reader that does not read loses lines; it is told how many. */
static void test_full_pipe_does_not_block(void **state)
{
	(void)state;
	uint64_t before = log_dropped();
	while (log_dropped() < before + 3)
		log_line(LOG_INFO, "x", LOG_NUMBER("n", 1));
	while (written()[0])
		continue;
	log_line(LOG_INFO, "back", LOG_NUMBER("n", 1));
	const char *text = written();
	assert_non_null(strstr(text, "event=back"));
	assert_non_null(strstr(text, "event=log_lines_lost lines=3\n"));
}

static void test_limit(void **state)
{
	(void)state;
	struct log_limit limit = {0};
	uint32_t suppressed = 99, allowed = 0, told = 0;
	for (int i = 0; i < 1000; i++) {
		if (log_limit_take(&limit, &suppressed)) {
			allowed++;
			told += suppressed;
		}
	}
	/* the second may have changed while we counted */
	assert_in_range(allowed, LOG_PER_SECOND, 3 * LOG_PER_SECOND);
	assert_int_equal(allowed + told + limit.suppressed, 1000);
}

#define LOG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG(test_fields),
		LOG(test_time),
		LOG(test_quoting),
		LOG(test_levels),
		LOG(test_long_lines_are_cut),
		LOG(test_full_pipe_does_not_block),
		LOG(test_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
