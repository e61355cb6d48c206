/* lex - SQL cut into tokens as the scanner of the server does it, comments among them.
 *
 * Borrows the text. Thread: any. Errors: what is not ended (a string, a comment) ends with the
 * text: PostgreSQL says so better. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,    /* a keyword or a name without quotes */
	TOKEN_NAME,    /* in double quotes, which are part of it */
	TOKEN_STRING,  /* '...', E'...', $tag$...$tag$ */
	TOKEN_COMMENT, /* with its dashes, without the line's end; or with its slashes and stars */
	TOKEN_OTHER,   /* one character, or a number */
};

struct token {
	enum token_kind kind;
	const char *text;
	size_t len;
	unsigned line; /* where it begins, from 1 */
};

struct lexer {
	const char *at;
	unsigned line;
};

void lex_start(struct lexer *lexer, const char *text);
struct token lex_next(struct lexer *lexer);

/* `word` in lower case; case is not looked at. */
bool token_is(const struct token *token, const char *word);
