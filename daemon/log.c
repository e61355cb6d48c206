/* A write() to a pipe of at most PIPE_BUF bytes does not block when poll() says that the pipe has
 * room; the lock keeps other threads of ours from taking that room in between. */
#include "daemon/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(LOG_LINE_SIZE <= PIPE_BUF, "a line must fit a pipe at once");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int threshold = LOG_INFO;
static atomic_int output = STDERR_FILENO;
static _Atomic uint64_t dropped;
static uint64_t dropped_told; /* under `lock` */

static const char *const level_names[] = {
	[LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

struct line {
	char text[LOG_LINE_SIZE];
	size_t len;
};

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

void log_set_output(int fd)
{
	atomic_store(&output, fd);
}

uint64_t log_dropped(void)
{
	return atomic_load(&dropped);
}

/* --- one line ------------------------------------------------------------ */

/* Keeps room for the newline; what does not fit is left out. */
static void put(struct line *line, const char *text, size_t len)
{
	size_t room = sizeof(line->text) - 1 - line->len;
	if (len > room)
		len = room;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

static void put_string(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static bool plain(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (*at <= ' ' || *at == '"' || *at == '=' || *at == '\\' || *at == 0x7f)
			return false;
	return text[0] != '\0';
}

static void put_quoted(struct line *line, const char *text)
{
	put(line, "\"", 1);
	for (const char *at = text; *at; at++) {
		char escaped[8];
		unsigned char byte = (unsigned char)*at;
		if (byte == '"' || byte == '\\') {
			put(line, (char[]){'\\', *at}, 2);
		} else if (byte < ' ' || byte == 0x7f) {
			snprintf(escaped, sizeof(escaped), "\\x%02x", byte);
			put_string(line, escaped);
		} else {
			put(line, at, 1);
		}
	}
	put(line, "\"", 1);
}

static void put_field(struct line *line, const struct log_field *field)
{
	char number[24];
	if (!field->key)
		return;
	put(line, " ", 1);
	put_string(line, field->key);
	put(line, "=", 1);
	if (!field->text) {
		snprintf(number, sizeof(number), "%lld", (long long)field->number);
		put_string(line, number);
	} else if (plain(field->text)) {
		put_string(line, field->text);
	} else {
		put_quoted(line, field->text);
	}
}

static void put_time(struct line *line)
{
	struct timespec now;
	struct tm utc;
	char text[40];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t len = strftime(text, sizeof(text), "ts=%Y-%m-%dT%H:%M:%S", &utc);
	put(line, text, len);
	snprintf(text, sizeof(text), ".%03dZ", (int)(now.tv_nsec / 1000000));
	put_string(line, text);
}

static void compose(struct line *line, enum log_level level, const char *event,
                    const struct log_field *fields, size_t count)
{
	line->len = 0;
	put_time(line);
	put_field(line, &LOG_TEXT("level", level_names[level]));
	put_field(line, &LOG_TEXT("event", event));
	for (size_t i = 0; i < count; i++)
		put_field(line, &fields[i]);
	line->text[line->len++] = '\n';
}

/* --- writing --------------------------------------------------------------- */

static bool write_line(const struct line *line)
{
	struct pollfd room = {.fd = atomic_load(&output), .events = POLLOUT};
	if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
		return false;
	ssize_t written;
	do
		written = write(room.fd, line->text, line->len);
	while (written < 0 && errno == EINTR);
	return written == (ssize_t)line->len;
}

static void tell_dropped(uint64_t now_dropped)
{
	struct line line;
	struct log_field fields[] = {LOG_NUMBER("lines", now_dropped - dropped_told)};
	compose(&line, LOG_WARN, "log_lines_lost", fields, 1);
	if (write_line(&line))
		dropped_told = now_dropped;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields,
                size_t count)
{
	struct line line;
	compose(&line, level, event, fields, count);
	int saved = errno;
	pthread_mutex_lock(&lock);
	if (!write_line(&line))
		atomic_fetch_add(&dropped, 1);
	else if (atomic_load(&dropped) != dropped_told)
		tell_dropped(atomic_load(&dropped));
	pthread_mutex_unlock(&lock);
	errno = saved;
}

/* --- repeats ----------------------------------------------------------------- */

bool log_limit_take(struct log_limit *limit, uint32_t *suppressed)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t second = (uint64_t)now.tv_sec;
	if (atomic_exchange(&limit->second, second) != second)
		atomic_store(&limit->lines, 0);
	if (atomic_fetch_add(&limit->lines, 1) >= LOG_PER_SECOND) {
		atomic_fetch_add(&limit->suppressed, 1);
		return false;
	}
	*suppressed = atomic_exchange(&limit->suppressed, 0);
	return true;
}
