#include "db/migrate/split.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS_KEPT = 4, WORD_SIZE = 12 };

struct scan {
	const char *sql, *at;
	const char *unclosed; /* what it is, if something is */
	unsigned line;
	/* Of the statement under way. */
	const char *first; /* its first byte that is no comment or blank */
	unsigned first_line;
	unsigned parentheses, blocks;
	char words[WORDS_KEPT][WORD_SIZE]; /* its first ones, in lower case */
	unsigned word_count;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static void skip_to(struct scan *scan, const char *to)
{
	for (; scan->at < to; scan->at++)
		scan->line += *scan->at == '\n';
}

/* To behind the quote that closes. A doubled one does not; with `backslash` neither does \'. */
static void skip_quoted(struct scan *scan, char quote, bool backslash)
{
	const char *at = scan->at + 1;
	for (; *at; at++) {
		if (backslash && *at == '\\' && at[1])
			at++;
		else if (*at == quote && at[1] == quote)
			at++;
		else if (*at == quote)
			break;
	}
	scan->unclosed = *at ? NULL : quote == '"' ? "a quoted name" : "a string";
	skip_to(scan, *at ? at + 1 : at);
}

static void skip_comment(struct scan *scan)
{
	const char *at = scan->at + 2;
	unsigned depth = 1;
	for (; *at && depth > 0; at++) {
		if (at[0] == '*' && at[1] == '/') {
			depth--;
			at++;
		} else if (at[0] == '/' && at[1] == '*') {
			depth++;
			at++;
		}
	}
	scan->unclosed = depth ? "a comment" : NULL;
	skip_to(scan, at);
}

/* The length of "$tag$" at `at`; 0: it is none. */
static size_t dollar_tag(const char *at)
{
	size_t n = 1;
	if (isdigit((unsigned char)at[1]))
		return 0;
	while (at[n] != '$' && is_word(at[n]))
		n++;
	return at[n] == '$' ? n + 1 : 0;
}

static void skip_dollar(struct scan *scan, size_t tag)
{
	const char *at = scan->at + tag;
	while (*at && strncmp(at, scan->at, tag) != 0)
		at++;
	scan->unclosed = *at ? NULL : "a dollar-quoted string";
	skip_to(scan, *at ? at + tag : at);
}

/* CREATE [OR REPLACE] FUNCTION | PROCEDURE */
static bool makes_function(const struct scan *scan)
{
	if (scan->word_count == 0 || strcmp(scan->words[0], "create") != 0)
		return false;
	for (unsigned i = 1; i < scan->word_count && i < WORDS_KEPT; i++)
		if (strcmp(scan->words[i], "function") == 0 ||
		    strcmp(scan->words[i], "procedure") == 0)
			return true;
	return false;
}

/* A semicolon inside of BEGIN ATOMIC ... END ends no statement; CASE has an END of its own. */
static void count_block(struct scan *scan, const char *word, size_t length)
{
	if (!makes_function(scan))
		return;
	if (length == 5 && strncasecmp(word, "begin", 5) == 0)
		scan->blocks++;
	else if (length == 4 && scan->blocks > 0 && strncasecmp(word, "case", 4) == 0)
		scan->blocks++;
	else if (length == 3 && scan->blocks > 0 && strncasecmp(word, "end", 3) == 0)
		scan->blocks--;
}

static void take_word(struct scan *scan)
{
	size_t length = 0;
	const char *word = scan->at;
	while (is_word(word[length]))
		length++;
	bool escapes = length == 1 && (*word == 'e' || *word == 'E');
	if (scan->word_count < WORDS_KEPT) {
		char *kept = scan->words[scan->word_count++];
		for (size_t i = 0; i < length && i + 1 < WORD_SIZE; i++)
			kept[i] = (char)tolower((unsigned char)word[i]);
		kept[length < WORD_SIZE ? length : WORD_SIZE - 1] = '\0';
	}
	count_block(scan, word, length);
	skip_to(scan, word + length);
	if (escapes && *scan->at == '\'')
		skip_quoted(scan, '\'', true);
}

static bool skip_blank(struct scan *scan)
{
	const char *at = scan->at;
	if (isspace((unsigned char)*at))
		skip_to(scan, at + 1);
	else if (at[0] == '-' && at[1] == '-')
		skip_to(scan, at + strcspn(at, "\n"));
	else if (at[0] == '/' && at[1] == '*')
		skip_comment(scan);
	else
		return false;
	return true;
}

/* Anything but a blank and the end of a statement. */
static void take_token(struct scan *scan)
{
	size_t tag = *scan->at == '$' ? dollar_tag(scan->at) : 0;
	if (!scan->first) {
		scan->first = scan->at;
		scan->first_line = scan->line;
	}
	if (*scan->at == '\'' || *scan->at == '"') {
		skip_quoted(scan, *scan->at, false);
	} else if (tag) {
		skip_dollar(scan, tag);
	} else if (is_word(*scan->at)) {
		take_word(scan);
	} else {
		scan->parentheses += *scan->at == '(';
		scan->parentheses -= *scan->at == ')' && scan->parentheses > 0;
		skip_to(scan, scan->at + 1);
	}
}

static void begin(struct scan *scan)
{
	scan->first = NULL;
	scan->parentheses = scan->blocks = scan->word_count = 0;
	memset(scan->words, 0, sizeof scan->words);
}

static bool keep(struct split *out, const struct scan *scan)
{
	if (!scan->first)
		return true;
	struct statement_text *grown = realloc(out->at, (out->count + 1) * sizeof *grown);
	if (!grown)
		return false;
	out->at = grown;
	out->at[out->count++] = (struct statement_text){
		scan->first, (size_t)(scan->at - scan->first), scan->first_line};
	return true;
}

static bool no_memory(char *message, size_t message_size)
{
	snprintf(message, message_size, "out of memory");
	return false;
}

bool split_sql(struct split *out, const char *sql, char *message, size_t message_size)
{
	struct scan scan = {.sql = sql, .at = sql, .line = 1};
	*out = (struct split){.count = 0};
	begin(&scan);
	while (*scan.at && !scan.unclosed) {
		if (skip_blank(&scan))
			continue;
		if (*scan.at != ';' || scan.parentheses > 0 || scan.blocks > 0) {
			take_token(&scan);
			continue;
		}
		if (!keep(out, &scan))
			return no_memory(message, message_size);
		skip_to(&scan, scan.at + 1);
		begin(&scan);
	}
	if (scan.unclosed) {
		snprintf(message, message_size, "line %u: %s is not closed",
		         scan.first ? scan.first_line : scan.line, scan.unclosed);
		return false;
	}
	return keep(out, &scan) || no_memory(message, message_size);
}

void split_free(struct split *split)
{
	free(split->at);
	*split = (struct split){.count = 0};
}
