/* log - what the operator should know: logfmt lines on standard error.
 *
 *   ts=2025-11-22T18:00:00.123Z level=info event=listening address=127.0.0.1:7400
 *
 *   log_line(LOG_INFO, "listening", LOG_TEXT("address", text), LOG_NUMBER("workers", count));
 *
 * A line is one write() of at most LOG_LINE_SIZE bytes. A pipe that is full loses lines instead of
 * holding up the loop; the next line that gets through says how many. What repeats goes through
 * log_limited(): so many a second from one place, then a count.
 * Thread: any. Errors: none; a line that cannot be written is counted. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In falling order of importance. */
enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

enum { LOG_LINE_SIZE = 2048, LOG_PER_SECOND = 10 };

struct log_field {
	const char *key;
	const char *text; /* NULL: the number */
	int64_t number;
};

#define LOG_TEXT(key, text)     ((struct log_field){key, text, 0})
#define LOG_NUMBER(key, number) ((struct log_field){key, NULL, (int64_t)(number)})

/* Lines above this level are dropped. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* Descriptor of the lines; 2 at first. */
void log_set_output(int fd);

void log_fields(enum log_level level, const char *event, const struct log_field *fields,
                size_t count);

#define LOG_FIELDS(...)                            \
	((const struct log_field[]){__VA_ARGS__}), \
		sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)

/* An event, and at least one field. */
#define log_line(level, event, ...)                                        \
	do {                                                               \
		if (log_enabled(level))                                    \
			log_fields(level, event, LOG_FIELDS(__VA_ARGS__)); \
	} while (0)

/* One per place that may repeat itself. */
struct log_limit {
	_Atomic uint64_t second;
	_Atomic uint32_t lines, suppressed;
};

/* Whether this line may be written; *suppressed: how many were not since the last one that was. */
bool log_limit_take(struct log_limit *limit, uint32_t *suppressed);

#define log_limited(level, event, ...)                                                      \
	do {                                                                                \
		static struct log_limit limit_;                                             \
		uint32_t suppressed_;                                                       \
		if (log_enabled(level) && log_limit_take(&limit_, &suppressed_))            \
			log_fields(level, event,                                            \
			           LOG_FIELDS(__VA_ARGS__,                                  \
			                      LOG_NUMBER(suppressed_ ? "suppressed" : NULL, \
			                                 suppressed_)));                    \
	} while (0)

/* Lines that could not be written so far. */
uint64_t log_dropped(void);
