#include "proto/json_object.h"

#include "proto/limits.h"

_Static_assert(LIMIT_JSON_EXPONENT == 308, "a text of exponent_parse() says so");

struct parser {
	const uint8_t *at, *end;
	unsigned depth;
	uint32_t exponents; /* their sum: zeros that jsonb will write */
	const char *fault;  /* the first one */
};

static bool value_parse(struct parser *parser);

static bool fault(struct parser *parser, const char *what)
{
	if (!parser->fault)
		parser->fault = what;
	return false;
}

/* The next byte; 0, which is no part of JSON, at the end. */
static uint8_t peek(const struct parser *parser)
{
	return parser->at < parser->end ? *parser->at : 0;
}

static bool take(struct parser *parser, uint8_t byte)
{
	if (peek(parser) != byte || parser->at == parser->end)
		return false;
	parser->at++;
	return true;
}

static void space_skip(struct parser *parser)
{
	while (take(parser, ' ') || take(parser, '\t') || take(parser, '\n') || take(parser, '\r'))
		continue;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX; negative if they are none. */
static int32_t unicode_digits(struct parser *parser)
{
	int32_t unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(peek(parser));
		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
		parser->at++;
	}
	return unit;
}

static bool unicode_parse(struct parser *parser)
{
	int32_t unit = unicode_digits(parser);
	if (unit < 0)
		return fault(parser, "\\u needs four hexadecimal digits");
	if (unit == 0)
		return fault(parser, "\\u0000 is not allowed");
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	int32_t low = -1;
	if (unit < 0xdc00 && take(parser, '\\') && take(parser, 'u'))
		low = unicode_digits(parser);
	if (low < 0xdc00 || low > 0xdfff)
		return fault(parser, "a \\u surrogate has no partner");
	return true;
}

static bool escape_parse(struct parser *parser)
{
	if (take(parser, 'u'))
		return unicode_parse(parser);
	uint8_t c = peek(parser);
	if (c == 0 || !strchr("\"\\/bfnrt", c))
		return fault(parser, "an unknown escape in a string");
	parser->at++;
	return true;
}

static bool string_parse(struct parser *parser)
{
	if (!take(parser, '"'))
		return fault(parser, "a name in double quotes is missing");
	while (parser->at < parser->end) {
		uint8_t c = *parser->at++;
		if (c == '"')
			return true;
		if (c < 0x20)
			return fault(parser, "a control character in a string");
		if (c == '\\' && !escape_parse(parser))
			return false;
	}
	return fault(parser, "a string has no end");
}

static bool digits_parse(struct parser *parser)
{
	const uint8_t *start = parser->at;
	while (peek(parser) >= '0' && peek(parser) <= '9')
		parser->at++;
	return parser->at > start;
}

/* jsonb has no exponents: 1e300 is kept in a few bytes, and written with 300 zeros. */
static bool exponent_parse(struct parser *parser)
{
	(void)(take(parser, '+') || take(parser, '-'));
	const uint8_t *digits = parser->at;
	if (!digits_parse(parser))
		return fault(parser, "a value is malformed");
	uint32_t exponent = 0;
	for (; digits < parser->at && exponent <= LIMIT_JSON_EXPONENT; digits++)
		exponent = exponent * 10 + (*digits - (uint32_t)'0');
	if (exponent > LIMIT_JSON_EXPONENT)
		return fault(parser, "a number's exponent is beyond 308");
	parser->exponents += exponent;
	return parser->exponents <= LIMIT_JSON_EXPONENTS ||
	       fault(parser, "too many numbers have exponents");
}

static bool number_parse(struct parser *parser)
{
	const uint8_t *start = parser->at;
	(void)take(parser, '-');
	bool good = take(parser, '0') || digits_parse(parser);
	if (good && take(parser, '.'))
		good = digits_parse(parser);
	if (!good)
		return fault(parser, "a value is malformed");
	if (parser->at - start > LIMIT_JSON_NUMBER)
		return fault(parser, "a number is too long");
	return !(take(parser, 'e') || take(parser, 'E')) || exponent_parse(parser);
}

static bool word_parse(struct parser *parser, const char *word)
{
	size_t len = strlen(word);
	if (len > (size_t)(parser->end - parser->at) || memcmp(parser->at, word, len) != 0)
		return fault(parser, "a value is malformed");
	parser->at += len;
	return true;
}

static bool member_parse(struct parser *parser)
{
	space_skip(parser);
	if (!string_parse(parser))
		return false;
	space_skip(parser);
	if (!take(parser, ':'))
		return fault(parser, "a ':' is missing after a name");
	return value_parse(parser);
}

/* What stands between `open` and `close`, which was taken: members of an object, values of an
 * array. */
static bool list_parse(struct parser *parser, uint8_t close, bool (*each)(struct parser *parser))
{
	if (++parser->depth > LIMIT_JSON_DEPTH)
		return fault(parser, "it is nested too deep");
	space_skip(parser);
	bool done = take(parser, close);
	while (!done) {
		if (!each(parser))
			return false;
		space_skip(parser);
		done = take(parser, close);
		if (!done && !take(parser, ','))
			return fault(parser, "a ',' or a closing bracket is missing");
	}
	parser->depth--;
	return true;
}

static bool value_parse(struct parser *parser)
{
	space_skip(parser);
	switch (peek(parser)) {
	case '{':
		parser->at++;
		return list_parse(parser, '}', member_parse);
	case '[':
		parser->at++;
		return list_parse(parser, ']', value_parse);
	case '"':
		return string_parse(parser);
	case 't':
		return word_parse(parser, "true");
	case 'f':
		return word_parse(parser, "false");
	case 'n':
		return word_parse(parser, "null");
	default:
		return number_parse(parser);
	}
}

const char *json_object_fault(struct bytes text)
{
	struct parser parser = {.at = text.data, .end = bytes_end(text)};
	space_skip(&parser);
	if (peek(&parser) != '{')
		return "it does not start with '{'";
	if (!value_parse(&parser))
		return parser.fault;
	space_skip(&parser);
	return parser.at == parser.end ? NULL : "something follows its end";
}
