#include "proto/json_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMESTAMP_FIRST INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_LAST  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_MOST \
	INT64_C(315576000000) /* 10,000 years, as google/protobuf/duration.proto says */

enum { NANOS = 1000000000, DAY = 86400 };

/* --- days (Howard Hinnant, "chrono-compatible low-level date algorithms") ----------- */

struct date {
	int64_t year;
	unsigned month, day;
};

static int64_t days_of(struct date date)
{
	int64_t year = date.year - (date.month <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	unsigned year_of_era = (unsigned)(year - era * 400);
	unsigned month = date.month > 2 ? date.month - 3 : date.month + 9;
	unsigned day_of_year = (153 * month + 2) / 5 + date.day - 1;
	unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + (int64_t)day_of_era - 719468;
}

static struct date date_of(int64_t days)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned day_of_era = (unsigned)(days - era * 146097);
	unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month = (5 * day_of_year + 2) / 153;
	struct date date = {
		.year = (int64_t)year_of_era + era * 400,
		.month = month < 10 ? month + 3 : month - 9,
		.day = day_of_year - (153 * month + 2) / 5 + 1,
	};
	date.year += date.month <= 2;
	return date;
}

static bool date_exists(struct date date)
{
	if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
		return false;
	struct date same = date_of(days_of(date));
	return same.month == date.month && same.day == date.day;
}

/* --- parts of a text ------------------------------------------------------------------ */

struct text {
	const uint8_t *at, *end;
	bool failed;
};

static bool text_is(const struct text *text, char c)
{
	return text->at < text->end && *text->at == (uint8_t)c;
}

static void text_expect(struct text *text, char c)
{
	text->failed |= !text_is(text, c);
	text->at += !text->failed;
}

static bool text_digit(const struct text *text)
{
	return text->at < text->end && *text->at >= '0' && *text->at <= '9';
}

/* Exactly `count` digits. */
static unsigned text_number(struct text *text, int count)
{
	unsigned number = 0;
	for (; count > 0 && !text->failed; count--) {
		text->failed = !text_digit(text);
		if (!text->failed)
			number = number * 10 + (unsigned)(*text->at++ - '0');
	}
	return number;
}

/* ".5" as nanoseconds; 0 without a dot. */
static int32_t text_fraction(struct text *text)
{
	if (!text_is(text, '.'))
		return 0;
	text->at++;
	int32_t nanos = 0;
	int digits = 0;
	for (; digits < 9 && text_digit(text); digits++)
		nanos = nanos * 10 + (*text->at++ - '0');
	text->failed |= digits == 0;
	for (; digits < 9; digits++)
		nanos *= 10;
	return nanos;
}

static size_t fraction_write(int32_t nanos, char out[12])
{
	if (nanos == 0)
		return 0;
	if (nanos % 1000000 == 0)
		return (size_t)snprintf(out, 12, ".%03" PRId32, nanos / 1000000);
	if (nanos % 1000 == 0)
		return (size_t)snprintf(out, 12, ".%06" PRId32, nanos / 1000);
	return (size_t)snprintf(out, 12, ".%09" PRId32, nanos);
}

/* --- Timestamp -------------------------------------------------------------------------- */

size_t timestamp_write(int64_t seconds, int32_t nanos, char out[JSON_TIME_SIZE])
{
	if (seconds < TIMESTAMP_FIRST || seconds > TIMESTAMP_LAST || nanos < 0 || nanos >= NANOS)
		return 0;
	int64_t days = (seconds - (seconds < 0 ? DAY - 1 : 0)) / DAY;
	unsigned rest = (unsigned)(seconds - days * DAY);
	struct date date = date_of(days);
	char fraction[12] = "";
	(void)fraction_write(nanos, fraction);
	return (size_t)snprintf(out, JSON_TIME_SIZE, "%04d-%02u-%02uT%02u:%02u:%02u%sZ",
	                        (int)date.year, date.month, date.day, rest / 3600, rest / 60 % 60,
	                        rest % 60, fraction);
}

/* "Z" or "+01:00", in seconds. */
static int64_t text_offset(struct text *text)
{
	if (text_is(text, 'Z')) {
		text->at++;
		return 0;
	}
	bool behind = text_is(text, '-');
	text_expect(text, behind ? '-' : '+');
	unsigned hours = text_number(text, 2);
	text_expect(text, ':');
	unsigned minutes = text_number(text, 2);
	text->failed |= hours > 23 || minutes > 59;
	int64_t offset = (int64_t)hours * 3600 + (int64_t)minutes * 60;
	return behind ? -offset : offset;
}

static struct date text_date(struct text *text)
{
	struct date date = {.year = text_number(text, 4)};
	text_expect(text, '-');
	date.month = text_number(text, 2);
	text_expect(text, '-');
	date.day = text_number(text, 2);
	text->failed |= !date_exists(date);
	return date;
}

static unsigned text_time(struct text *text)
{
	unsigned hours = text_number(text, 2);
	text_expect(text, ':');
	unsigned minutes = text_number(text, 2);
	text_expect(text, ':');
	unsigned seconds = text_number(text, 2);
	text->failed |= hours > 23 || minutes > 59 || seconds > 59;
	return hours * 3600 + minutes * 60 + seconds;
}

bool timestamp_read(struct bytes bytes, int64_t *seconds, int32_t *nanos)
{
	struct text text = {bytes.data, bytes.data + bytes.len, false};
	struct date date = text_date(&text);
	text_expect(&text, 'T');
	unsigned time = text_time(&text);
	int32_t fraction = text_fraction(&text);
	int64_t offset = text_offset(&text);
	if (text.failed || text.at != text.end)
		return false;
	int64_t result = days_of(date) * DAY + (int64_t)time - offset;
	if (result < TIMESTAMP_FIRST || result > TIMESTAMP_LAST)
		return false;
	*seconds = result;
	*nanos = fraction;
	return true;
}

/* --- Duration --------------------------------------------------------------------------- */

size_t duration_write(int64_t seconds, int32_t nanos, char out[JSON_TIME_SIZE])
{
	bool negative = seconds < 0 || nanos < 0;
	if (seconds > DURATION_MOST || seconds < -DURATION_MOST || nanos <= -NANOS ||
	    nanos >= NANOS || (negative && (seconds > 0 || nanos > 0)))
		return 0;
	char fraction[12] = "";
	(void)fraction_write(negative ? -nanos : nanos, fraction);
	return (size_t)snprintf(out, JSON_TIME_SIZE, "%s%" PRId64 "%ss", negative ? "-" : "",
	                        negative ? -seconds : seconds, fraction);
}

bool duration_read(struct bytes bytes, int64_t *seconds, int32_t *nanos)
{
	struct text text = {bytes.data, bytes.data + bytes.len, false};
	bool negative = text_is(&text, '-');
	text.at += negative;
	int64_t whole = 0;
	text.failed = !text_digit(&text);
	while (text_digit(&text) && whole <= DURATION_MOST)
		whole = whole * 10 + (*text.at++ - '0');
	int32_t fraction = text_fraction(&text);
	text_expect(&text, 's');
	if (text.failed || text.at != text.end || whole > DURATION_MOST ||
	    (whole == DURATION_MOST && fraction > 0))
		return false;
	*seconds = negative ? -whole : whole;
	*nanos = negative ? -fraction : fraction;
	return true;
}
