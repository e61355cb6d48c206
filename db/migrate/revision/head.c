#include "db/migrate/revision/head.h"

#include <ctype.h>
#include <string.h>

static const struct maker makers[] = {
	{"table", KIND_TABLE, "TABLE", false},
	{"materialized", KIND_MATERIALIZED_VIEW, "MATERIALIZED VIEW", false},
	{"view", KIND_VIEW, "VIEW", false},
	{"sequence", KIND_SEQUENCE, "SEQUENCE", false},
	{"type", KIND_ENUM, "TYPE", false},
	{"domain", KIND_DOMAIN, "DOMAIN", false},
	{"index", KIND_INDEX, "INDEX", false},
	{"schema", KIND_SCHEMA, "SCHEMA", false},
	{"collation", KIND_COLLATION, "COLLATION", false},
	{"function", KIND_FUNCTION, "FUNCTION", false},
	{"procedure", KIND_PROCEDURE, "PROCEDURE", false},
	{"policy", KIND_POLICY, "POLICY", true},
	{"trigger", KIND_TRIGGER, "TRIGGER", true},
	{"statistics", KIND_STATISTICS, "STATISTICS", false},
};

void head_add_name(struct text *out, const char *text, size_t len)
{
	bool quoted = len > 2 && text[0] == '"', plain = quoted && islower((unsigned char)text[1]);
	for (size_t i = 1; quoted && i + 1 < len; i++)
		plain = plain && (islower((unsigned char)text[i]) ||
		                  isdigit((unsigned char)text[i]) || text[i] == '_');
	if (quoted && !plain) {
		text_add_len(out, text, len);
		return;
	}
	for (size_t i = quoted; i < len - quoted; i++) {
		char c = (char)tolower((unsigned char)text[i]);
		text_add_len(out, &c, 1);
	}
}

static bool is_name(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_NAME;
}

/* "schema.name" or "name"; `public.` is left out. Gives the token behind it. */
static struct token read_name(struct text *out, struct lexer *lexer, struct token token)
{
	static const char prefix[] = "public.";
	while (is_name(&token)) {
		head_add_name(out, token.text, token.len);
		token = lex_next(lexer);
		if (!token_is(&token, "."))
			break;
		text_add(out, ".");
		token = lex_next(lexer);
	}
	if (strncmp(text_string(out), prefix, strlen(prefix)) == 0) {
		struct text rest = {0};
		text_add(&rest, out->data + strlen(prefix));
		text_clear(out);
		*out = rest;
	}
	return token;
}

static const struct maker *find_maker(const struct token *token)
{
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (token_is(token, makers[i].word))
			return &makers[i];
	return NULL;
}

static struct token skip(struct lexer *lexer, struct token token)
{
	static const char *const words[] = {"view", "if", "not", "exists", "concurrently"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (token_is(&token, words[i]))
			token = lex_next(lexer);
	return token;
}

const char *head_last(const char *name)
{
	const char *last = name;
	bool quoted = false;
	for (const char *at = name; *at; at++) {
		quoted = quoted != (*at == '"');
		if (*at == '.' && !quoted)
			last = at + 1;
	}
	return last;
}

/* An index lives in the schema of its table. */
static void enter_schema(struct text *name, const char *table)
{
	struct text whole = {0};
	text_add_len(&whole, table, (size_t)(head_last(table) - table));
	text_add(&whole, text_string(name));
	text_clear(name);
	*name = whole;
}

void head_read(struct head *head, const char *statement)
{
	struct lexer lexer;
	*head = (struct head){0};
	lex_start(&lexer, statement);
	struct token token = lex_next(&lexer);
	if (!token_is(&token, "create"))
		return;
	while (!head->maker && is_name(&token)) {
		token = lex_next(&lexer);
		head->maker = find_maker(&token);
	}
	if (!head->maker)
		return;
	token = read_name(&head->name, &lexer, skip(&lexer, lex_next(&lexer)));
	bool index = head->maker->kind == KIND_INDEX;
	while ((head->maker->on_table || index) && token.kind != TOKEN_END &&
	       !token_is(&token, "on"))
		token = lex_next(&lexer);
	if (token_is(&token, "on"))
		read_name(&head->table, &lexer, lex_next(&lexer));
	if (index)
		enter_schema(&head->name, text_string(&head->table));
}

void head_clear(struct head *head)
{
	text_clear(&head->name);
	text_clear(&head->table);
}
