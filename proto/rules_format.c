#include "proto/rules_format.h"

#include "proto/json_object.h"

/* Locale-free, and false for anything outside of ASCII. */
static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool letter(uint8_t c)
{
	return lower(c | 0x20);
}

static bool hexadecimal(uint8_t c)
{
	return digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* How many bytes at the front of `text` are of the kind. */
static size_t span(struct bytes text, bool (*kind)(uint8_t c))
{
	size_t len = 0;
	while (len < text.len && kind(text.data[len]))
		len++;
	return len;
}

static bool letter_or_digit(uint8_t c)
{
	return letter(c) || digit(c);
}

static bool lower_or_digit(uint8_t c)
{
	return lower(c) || digit(c);
}

static bool of_username(uint8_t c)
{
	return letter_or_digit(c) || c == '_' || c == '-';
}

static struct bytes rest(struct bytes text, size_t skipped)
{
	return bytes_of(text.data + skipped, text.len - skipped);
}

static bool uuid_valid(struct bytes text)
{
	if (text.len != 36)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text.data[i] != '-' : !hexadecimal(text.data[i]))
			return false;
	}
	return true;
}

static bool slug_valid(struct bytes text)
{
	for (;;) {
		size_t word = span(text, lower_or_digit);
		if (word == 0 || word == text.len)
			return word > 0;
		if (text.data[word] != '-')
			return false;
		text = rest(text, word + 1);
	}
}

static bool key_valid(struct bytes text)
{
	return text.len >= 2 && text.len <= 20 && letter(text.data[0]) &&
	       span(text, letter_or_digit) == text.len;
}

/* Up to 18 digits: what always fits in an int64. */
static bool story_key_valid(struct bytes text)
{
	size_t key = span(text, letter_or_digit);
	if (key == text.len || text.data[key] != '-' || !key_valid(bytes_of(text.data, key)))
		return false;
	struct bytes number = rest(text, key + 1);
	return number.len >= 1 && number.len <= 18 && number.data[0] != '0' &&
	       span(number, digit) == number.len;
}

static bool email_valid(struct bytes text)
{
	size_t ats = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c < 0x20 || c == 0x7f || utf8_space(rest(text, i)) > 0)
			return false;
		ats += c == '@';
	}
	return ats == 1 && text.data[0] != '@' && text.data[text.len - 1] != '@';
}

static bool username_valid(struct bytes text)
{
	return text.len >= 3 && text.len <= 100 && span(text, of_username) == text.len;
}

static bool decimal_valid(struct bytes text)
{
	size_t whole = span(text, digit);
	if (whole == 0 || whole == text.len)
		return whole > 0;
	struct bytes fraction = rest(text, whole + 1);
	return text.data[whole] == '.' && fraction.len > 0 && span(fraction, digit) == fraction.len;
}

static unsigned number(const uint8_t *digits, size_t len)
{
	unsigned value = 0;
	for (size_t i = 0; i < len; i++)
		value = value * 10 + (digits[i] - (unsigned)'0');
	return value;
}

static unsigned days_of(unsigned year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

static bool date_valid(struct bytes text)
{
	if (text.len != 10 || span(text, digit) != 4 || text.data[4] != '-' ||
	    span(rest(text, 5), digit) != 2 || text.data[7] != '-' ||
	    span(rest(text, 8), digit) != 2)
		return false;
	unsigned year = number(text.data, 4), month = number(text.data + 5, 2);
	unsigned day = number(text.data + 8, 2);
	return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month);
}

static bool color_valid(struct bytes text)
{
	return text.len == 7 && text.data[0] == '#' && span(rest(text, 1), hexadecimal) == 6;
}

struct format {
	bool (*valid)(struct bytes text);
	const char *must;
};

static const struct format formats[] = {
	[RULE_UUID] = {uuid_valid, "must be a UUID: 8-4-4-4-12 hexadecimal digits"},
	[RULE_SLUG] = {slug_valid, "must be a slug: a-z and 0-9 with single hyphens in between"},
	[RULE_KEY] = {key_valid, "must be a key: a letter, then 1 to 19 letters or digits"},
	[RULE_STORY_KEY] = {story_key_valid, "must be a story key like PROJ-123"},
	[RULE_EMAIL] = {email_valid, "must be an e-mail address: one '@' inside, no white space"},
	[RULE_USERNAME] = {username_valid,
                           "must be a user name: 3 to 100 of A-Z, a-z, 0-9, '_' and '-'"},
	[RULE_DECIMAL] = {decimal_valid,
                          "must be a decimal number: digits, with an optional fraction"},
	[RULE_DATE] = {date_valid, "must be a date that exists, as YYYY-MM-DD"},
	[RULE_COLOR] = {color_valid, "must be a color as #RRGGBB, in hexadecimal digits"},
};

const char *format_fault(enum rule_format format, struct bytes text, const char **detail)
{
	*detail = NULL;
	if (format == RULE_ANY)
		return NULL;
	if (format == RULE_JSON_OBJECT) {
		*detail = json_object_fault(text);
		return *detail ? "must be a JSON object" : NULL;
	}
	return formats[format].valid(text) ? NULL : formats[format].must;
}
