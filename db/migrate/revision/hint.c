#include "db/migrate/revision/hint.h"
#include "db/migrate/revision/head.h"
#include "db/migrate/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char directive[] = "-- prism:", renamed[] = "renamed from ";

/* A hint where it stands. */
struct place {
	const struct declared_file *file;
	const struct split *split;
	struct token comment;
	const char *old; /* as written */
	size_t old_len;
	char *message;
	size_t message_size;
};

static bool refuse(const struct place *place, const char *why)
{
	snprintf(place->message, place->message_size, "%s:%u: %s", place->file->name,
	         place->comment.line, why);
	return false;
}

static bool find_hint(struct place *place)
{
	const char *at = place->comment.text, *end = at + place->comment.len;
	if (place->comment.kind != TOKEN_COMMENT || strncmp(at, directive, strlen(directive)) != 0)
		return false;
	at += strlen(directive);
	at += strspn(at, " ");
	while (end > at && strchr(" \r", end[-1]))
		end--;
	if (end <= at || (size_t)(end - at) <= strlen(renamed) ||
	    strncmp(at, renamed, strlen(renamed)) != 0)
		return false;
	place->old = at + strlen(renamed);
	place->old_len = (size_t)(end - place->old);
	return true;
}

static char *joined(const char *const *parts, size_t count)
{
	struct text text = {0};
	for (size_t i = 0; i < count; i++)
		text_add(&text, parts[i]);
	return text_take(&text);
}
#define JOINED(...)                                \
	joined((const char *const[]){__VA_ARGS__}, \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* What the line that the hint is about begins with: its own, or the one that follows. */
static const char *subject_of(const struct place *place)
{
	const char *start = place->comment.text;
	while (start > place->file->text && start[-1] != '\n')
		start--;
	start += strspn(start, " \t");
	if (start < place->comment.text)
		return start;
	struct lexer lexer;
	lex_start(&lexer, place->comment.text + place->comment.len);
	struct token token = lex_next(&lexer);
	while (token.kind == TOKEN_COMMENT)
		token = lex_next(&lexer);
	return token.text;
}

static const struct statement_text *statement_at(const struct place *place, const char *at)
{
	for (size_t i = 0; i < place->split->count; i++) {
		const struct statement_text *statement = &place->split->at[i];
		if (at >= statement->text && at < statement->text + statement->length)
			return statement;
	}
	return NULL;
}

/* The column, constraint or label that an item of CREATE begins with. */
static bool take_item(const struct place *place, struct hint *hint, const struct head *head,
                      const char *subject)
{
	struct lexer lexer;
	struct text new = {0}, old = {0};
	lex_start(&lexer, subject);
	struct token token = lex_next(&lexer);
	bool constraint = token_is(&token, "constraint");
	if (constraint)
		token = lex_next(&lexer);
	const char *owner = text_string(&head->name);
	if (token.kind == TOKEN_STRING && head->maker->kind == KIND_ENUM) {
		text_add_len(&new, token.text, token.len);
		text_add_len(&old, place->old, place->old_len);
		hint->kind = KIND_ENUM;
		hint->old_name = JOINED(owner);
		hint->new_name = JOINED(owner);
		hint->old_label = JOINED(text_string(&old));
		hint->new_label = JOINED(text_string(&new));
	} else if ((token.kind == TOKEN_WORD || token.kind == TOKEN_NAME) &&
	           head->maker->kind == KIND_TABLE) {
		head_add_name(&new, token.text, token.len);
		head_add_name(&old, place->old, place->old_len);
		hint->kind = constraint ? KIND_CHECK : KIND_COLUMN;
		hint->old_name = JOINED(owner, ".", text_string(&old));
		hint->new_name = JOINED(owner, ".", text_string(&new));
	} else {
		return refuse(place, "this line begins with nothing that could be renamed");
	}
	const char *what = head->maker->kind == KIND_ENUM ? "VALUE "
	                   : constraint                   ? "CONSTRAINT "
	                                                  : "COLUMN ";
	hint->up = JOINED("ALTER ", head->maker->alter, " ", owner, " RENAME ", what,
	                  text_string(&old), " TO ", text_string(&new));
	hint->down = JOINED("ALTER ", head->maker->alter, " ", owner, " RENAME ", what,
	                    text_string(&new), " TO ", text_string(&old));
	text_clear(&new);
	text_clear(&old);
	return true;
}

static void take_whole(const struct place *place, struct hint *hint, const struct head *head)
{
	struct text old = {0};
	const char *name = text_string(&head->name), *alter = head->maker->alter;
	head_add_name(&old, place->old, place->old_len);
	hint->kind = head->maker->kind;
	if (head->maker->on_table) {
		const char *table = text_string(&head->table);
		hint->old_name = JOINED(table, ".", text_string(&old));
		hint->new_name = JOINED(table, ".", name);
		hint->up = JOINED("ALTER ", alter, " ", text_string(&old), " ON ", table,
		                  " RENAME TO ", name);
		hint->down = JOINED("ALTER ", alter, " ", name, " ON ", table, " RENAME TO ",
		                    text_string(&old));
	} else {
		struct text in_schema = {0};
		text_add_len(&in_schema, name, (size_t)(head_last(name) - name));
		text_add(&in_schema, text_string(&old));
		hint->old_name = text_take(&in_schema);
		hint->new_name = JOINED(name);
		hint->up = JOINED("ALTER ", alter, " ", hint->old_name, " RENAME TO ",
		                  head_last(name));
		hint->down = JOINED("ALTER ", alter, " ", name, " RENAME TO ", text_string(&old));
	}
	text_clear(&old);
}

static bool take(const struct place *place, struct hint *hint)
{
	const char *subject = subject_of(place);
	const struct statement_text *statement = statement_at(place, subject);
	struct head head = {0};
	if (statement)
		head_read(&head, statement->text);
	bool taken = head.maker && head.name.len > 0;
	if (!taken)
		refuse(place, "a rename is told of what a CREATE statement makes");
	else if (subject == statement->text)
		take_whole(place, hint, &head);
	else
		taken = take_item(place, hint, &head, subject);
	head_clear(&head);
	return taken;
}

static bool read_file(struct hints *hints, struct place *place)
{
	struct lexer lexer;
	bool fine = true;
	lex_start(&lexer, place->file->text);
	do {
		place->comment = lex_next(&lexer);
		if (!find_hint(place))
			continue;
		hints->at = must(realloc(hints->at, (hints->count + 1) * sizeof(struct hint)));
		hints->at[hints->count] =
			(struct hint){.file = place->file->name, .line = place->comment.line};
		fine = take(place, &hints->at[hints->count++]);
	} while (fine && place->comment.kind != TOKEN_END);
	return fine;
}

bool hints_read(struct hints *hints, const struct declared *declared, char *message,
                size_t message_size)
{
	bool fine = true;
	*hints = (struct hints){0};
	for (size_t i = 0; fine && i < declared->count; i++) {
		struct split split;
		char why[256];
		const struct declared_file *file = &declared->at[i];
		fine = split_sql(&split, file->text, why, sizeof(why));
		if (!fine)
			snprintf(message, message_size, "%s: %s", file->name, why);
		struct place place = {.file = file,
		                      .split = &split,
		                      .message = message,
		                      .message_size = message_size};
		fine = fine && read_file(hints, &place);
		split_free(&split);
	}
	if (!fine)
		hints_clear(hints);
	return fine;
}

/* --- which are needed ---------------------------------------------------------------------------
 */

/* A label among those of an enum's definition: 'a', 'b'. */
static bool has_label(const struct object *type, const char *label)
{
	size_t len = strlen(label);
	for (const char *at = type->definition; (at = strstr(at, label)); at += len)
		if (at == type->definition || at[-1] == ' ')
			return true;
	return false;
}

/* Functions are known by their arguments too, and constraints by what they are. */
static bool is_built(const struct catalog *built, const struct hint *hint, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < built->count; i++) {
		const struct object *object = built->at[i];
		bool constraint =
			hint->kind == KIND_CHECK && object->rename[0] && object->kind != KIND_INDEX;
		if ((object->kind == hint->kind || constraint) && strcmp(object->name, name) == 0)
			return true;
		if (object->kind == hint->kind &&
		    (object->kind == KIND_FUNCTION || object->kind == KIND_PROCEDURE) &&
		    strncmp(object->name, name, len) == 0 && object->name[len] == '(')
			return true;
		if (hint->kind == KIND_ENUM && !hint->new_label &&
		    strcmp(object->name, name) == 0 &&
		    (object->kind == KIND_TYPE || object->kind == KIND_RANGE))
			return true;
	}
	return false;
}

static bool has(const struct catalog *built, const struct hint *hint, const char *name,
                const char *label)
{
	const struct object *type = label ? catalog_find(built, KIND_ENUM, name) : NULL;
	return label ? type && has_label(type, label) : is_built(built, hint, name);
}

/* The name that a table had: its columns are looked for under that. */
static char *before_renames(const struct hints *hints, const char *name)
{
	for (size_t i = 0; i < hints->count; i++) {
		const struct hint *hint = &hints->at[i];
		size_t len = strlen(hint->new_name);
		if (!hint->used && (hint->kind == KIND_TABLE || hint->kind == KIND_ENUM) &&
		    !hint->new_label && strncmp(name, hint->new_name, len) == 0 &&
		    (name[len] == '.' || name[len] == '\0'))
			return JOINED(hint->old_name, name + len);
	}
	return JOINED(name);
}

static bool settle(struct hints *hints, struct hint *hint, const struct catalog *built,
                   char *message, size_t message_size)
{
	bool part = hint->kind == KIND_COLUMN || hint->kind == KIND_CHECK ||
	            hint->kind == KIND_POLICY || hint->kind == KIND_TRIGGER || hint->new_label;
	char *old = part ? before_renames(hints, hint->old_name) : JOINED(hint->old_name);
	char *new = part ? before_renames(hints, hint->new_name) : JOINED(hint->new_name);
	hint->used = has(built, hint, new, hint->new_label);
	bool fine = hint->used || has(built, hint, old, hint->old_label);
	if (!fine)
		snprintf(message, message_size,
		         "%s:%u: the migrations build neither %s nor %s: what is renamed to what?",
		         hint->file, hint->line, hint->old_label ? hint->old_label : old,
		         hint->new_label ? hint->new_label : new);
	free(old);
	free(new);
	return fine;
}

bool hints_settle(struct hints *hints, const struct catalog *built, char *message,
                  size_t message_size)
{
	for (size_t i = 0; i < hints->count; i++)
		if (!settle(hints, &hints->at[i], built, message, message_size))
			return false;
	return true;
}

void hints_clear(struct hints *hints)
{
	for (size_t i = 0; i < hints->count; i++) {
		struct hint *hint = &hints->at[i];
		free(hint->old_name);
		free(hint->new_name);
		free(hint->old_label);
		free(hint->new_label);
		free(hint->up);
		free(hint->down);
	}
	free(hints->at);
	*hints = (struct hints){0};
}
