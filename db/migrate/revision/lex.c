#include "db/migrate/revision/lex.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void lex_start(struct lexer *lexer, const char *text)
{
	*lexer = (struct lexer){text, 1};
}

static bool begins_word(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool continues_word(char c)
{
	return begins_word(c) || isdigit((unsigned char)c) || c == '$';
}

/* Behind a string that begins at `at` with `quote`; a doubled quote is one of its characters. */
static const char *skip_quoted(const char *at, char quote, bool escapes)
{
	for (at++; *at; at++) {
		if (escapes && *at == '\\' && at[1])
			at++;
		else if (*at == quote && at[1] == quote)
			at++;
		else if (*at == quote)
			return at + 1;
	}
	return at;
}

/* Behind $tag$...$tag$; NULL: no such string begins here. */
static const char *skip_dollars(const char *at)
{
	size_t tag = 1;
	if (begins_word(at[1]))
		while (continues_word(at[tag]) && at[tag] != '$')
			tag++;
	if (at[tag] != '$')
		return NULL;
	tag++;
	for (const char *end = at + tag; *end; end++)
		if (*end == '$' && strncmp(end, at, tag) == 0)
			return end + tag;
	return at + strlen(at);
}

static const char *skip_comment(const char *at)
{
	int depth = 0;
	if (at[0] == '-')
		return at + strcspn(at, "\n");
	while (*at) {
		if (at[0] == '/' && at[1] == '*') {
			depth++;
			at += 2;
		} else if (at[0] == '*' && at[1] == '/') {
			at += 2;
			if (--depth == 0)
				break;
		} else {
			at++;
		}
	}
	return at;
}

static const char *skip_word(const char *at)
{
	while (continues_word(*at))
		at++;
	return at;
}

static const char *skip_number(const char *at)
{
	while (isalnum((unsigned char)*at) || *at == '.')
		at++;
	return at;
}

static bool is_string_prefix(char c)
{
	return c == 'E' || c == 'e' || c == 'B' || c == 'b' || c == 'X' || c == 'x' || c == 'N' ||
	       c == 'n';
}

static enum token_kind measure(const char *at, const char **end)
{
	if ((at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*')) {
		*end = skip_comment(at);
		return TOKEN_COMMENT;
	}
	if (at[0] == '\'' || (is_string_prefix(at[0]) && at[1] == '\'')) {
		bool prefix = at[0] != '\'';
		*end = skip_quoted(at + prefix, '\'', at[0] == 'E' || at[0] == 'e');
		return TOKEN_STRING;
	}
	if (at[0] == '$' && (*end = skip_dollars(at)))
		return TOKEN_STRING;
	if (at[0] == '"') {
		*end = skip_quoted(at, '"', false);
		return TOKEN_NAME;
	}
	if (begins_word(at[0])) {
		*end = skip_word(at);
		return TOKEN_WORD;
	}
	*end = isdigit((unsigned char)at[0]) ? skip_number(at) : at + 1;
	return TOKEN_OTHER;
}

struct token lex_next(struct lexer *lexer)
{
	while (*lexer->at && isspace((unsigned char)*lexer->at))
		lexer->line += *lexer->at++ == '\n';
	struct token token = {TOKEN_END, lexer->at, 0, lexer->line};
	if (!*lexer->at)
		return token;
	const char *end;
	token.kind = measure(lexer->at, &end);
	token.len = (size_t)(end - lexer->at);
	for (; lexer->at < end; lexer->at++)
		lexer->line += *lexer->at == '\n';
	return token;
}

bool token_is(const struct token *token, const char *word)
{
	return (token->kind == TOKEN_WORD || token->kind == TOKEN_OTHER) &&
	       strlen(word) == token->len && strncasecmp(token->text, word, token->len) == 0;
}
