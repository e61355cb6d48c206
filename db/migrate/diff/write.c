/* The words of a plan: each change's own, put together where one statement can do the work of
 * several. */
#include "db/migrate/diff/diff.h"
#include "db/migrate/memory.h"

#include <stdlib.h>
#include <string.h>

struct writer {
	const struct diff *diff;
	struct plan *plan;
	size_t capacity;
	char *last_head, *last_tail; /* of the statement that may be added to; NULL: none */
};

/* head\x1fitem\x1ftail, or only head */
struct words {
	char *head, *item, *tail;
};

static char *cut(const char *from, size_t len)
{
	return must(strndup(from, len));
}

static struct words split(const char *text, size_t len)
{
	const char *end = text + len, *item = memchr(text, STATEMENT_PART, len);
	if (!item)
		return (struct words){cut(text, len), NULL, NULL};
	const char *tail = memchr(item + 1, STATEMENT_PART, (size_t)(end - item - 1));
	return (struct words){cut(text, (size_t)(item - text)),
	                      cut(item + 1, (size_t)(tail - item - 1)),
	                      cut(tail + 1, (size_t)(end - tail - 1))};
}

static void words_clear(struct words *words)
{
	free(words->head);
	free(words->item);
	free(words->tail);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void forget_last(struct writer *writer)
{
	free(writer->last_head);
	free(writer->last_tail);
	writer->last_head = writer->last_tail = NULL;
}

static struct statement *add(struct writer *writer)
{
	struct plan *plan = writer->plan;
	if (plan->count == writer->capacity) {
		writer->capacity = writer->capacity * 2 + 32;
		plan->at = must(realloc(plan->at, writer->capacity * sizeof(struct statement)));
	}
	plan->at[plan->count] = (struct statement){0};
	return &plan->at[plan->count++];
}

/* ", item" goes between the items and the tail. */
static void append_item(struct statement *statement, const struct words *words)
{
	struct text text = {0};
	bool lines = begins(words->head, "ALTER TABLE") || begins(words->head, "ALTER TYPE");
	size_t tail = strlen(words->tail), end = strlen(statement->text) - tail - (tail > 0);
	size_t head = strlen(words->head);
	bool first = lines && statement->text[head] == ' ';
	text_add_len(&text, statement->text, head);
	text_add(&text, first ? "\n\t" : "");
	text_add_len(&text, statement->text + head + first, end - head - first);
	text_add_all(&text, lines ? ",\n\t" : ", ", words->item, tail ? " " : "", words->tail,
	             NULL);
	free(statement->text);
	statement->text = text_take(&text);
}

static bool continues(const struct writer *writer, const struct words *words, enum place place,
                      const char *hazard)
{
	return words->item && writer->last_head && place == PLACE_INSIDE && !hazard &&
	       strcmp(writer->last_head, words->head) == 0 &&
	       strcmp(writer->last_tail, words->tail) == 0;
}

static void emit(struct writer *writer, struct words *words, enum place place, const char *hazard)
{
	if (continues(writer, words, place, hazard)) {
		append_item(&writer->plan->at[writer->plan->count - 1], words);
		words_clear(words);
		return;
	}
	forget_last(writer);
	struct statement *statement = add(writer);
	struct text text = {0};
	text_add(&text, words->head);
	if (words->item)
		text_add_all(&text, *words->item ? " " : "", words->item, *words->tail ? " " : "",
		             words->tail, NULL);
	*statement = (struct statement){text_take(&text), place, hazard, false};
	if (words->item && *words->item && place == PLACE_INSIDE) {
		writer->last_head = words->head;
		writer->last_tail = words->tail;
		words->head = words->tail = NULL;
	}
	words_clear(words);
}

static enum place take_place(const char **text)
{
	if (begins(*text, STATEMENT_ALONE)) {
		*text += strlen(STATEMENT_ALONE);
		return PLACE_ALONE;
	}
	if (begins(*text, STATEMENT_OUTSIDE)) {
		*text += strlen(STATEMENT_OUTSIDE);
		return PLACE_OUTSIDE;
	}
	return PLACE_INSIDE;
}

/* Statements as an object has them; in the form for nobody being there, none has a place of its
 * own. */
static void emit_all(struct writer *writer, const char *text, const char *hazard)
{
	while (*text) {
		enum place place = take_place(&text);
		size_t len = strcspn(text, "\x1e");
		struct words words = split(text, len);
		emit(writer, &words, writer->diff->settings->online ? place : PLACE_INSIDE, hazard);
		hazard = NULL;
		text += len + (text[len] != '\0');
	}
}

static int compare_parts(const void *a, const void *b)
{
	const struct object *one = *(struct object *const *)a, *other = *(struct object *const *)b;
	bool column = one->kind == KIND_COLUMN || one->kind == KIND_ATTRIBUTE;
	if (column && one->kind == other->kind)
		return (one->address.sub > other->address.sub) -
		       (one->address.sub < other->address.sub);
	return object_compare(one, other);
}

/* The objects that the statement of `object` makes along, in their order. The caller frees it. */
static struct object **parts_of(const struct writer *writer, const struct object *object,
                                size_t *count)
{
	const struct catalog *to = writer->diff->to;
	struct object **parts = must_zero(to->count, sizeof(struct object *));
	*count = 0;
	for (size_t i = 0; i < to->count; i++)
		if (to->at[i]->parent == object && to->at[i]->part[0] && writer->diff->of_new[i] &&
		    writer->diff->of_new[i]->inlined)
			parts[(*count)++] = to->at[i];
	qsort(parts, *count, sizeof(struct object *), compare_parts);
	return parts;
}

static void add_parts(const struct writer *writer, const struct object *object, struct text *text,
                      const char *before, const char *between)
{
	size_t count;
	struct object **parts = parts_of(writer, object, &count);
	for (size_t i = 0; i < count; i++) {
		text_add_all(text, i ? between : before, parts[i]->part, NULL);
		if (parts[i]->appended)
			add_parts(writer, parts[i], text, " ", " ");
	}
	if (object->bracketed && count)
		text_add(text, "\n");
	free(parts);
}

/* What makes the object with its parts. */
static void emit_make(struct writer *writer, const struct object *object, const char *hazard)
{
	if (!object->bracketed && !object->appended) {
		emit_all(writer, object->make, hazard);
		return;
	}
	struct words words = split(object->make, strlen(object->make));
	struct text item = {0};
	if (object->appended) {
		text_add_all(&item, words.item ? words.item : "", words.item ? " " : "",
		             words.item ? object->part : "", NULL);
		add_parts(writer, object, &item, " ", " ");
	} else {
		text_add(&item, "(");
		add_parts(writer, object, &item, "\n\t", ",\n\t");
		text_add(&item, ")");
	}
	bool alone = !words.item;
	if (alone) {
		struct text head = {0};
		text_add_all(&head, words.head, object->bracketed ? " " : "", text_string(&item),
		             NULL);
		free(words.head);
		words.head = text_take(&head);
		text_clear(&item);
	} else {
		free(words.item);
		words.item = text_take(&item);
	}
	emit(writer, &words, PLACE_INSIDE, hazard);
	if (object->bracketed)
		forget_last(writer);
}

/* `text` with `name` where it goes. */
static void emit_named(struct writer *writer, const char *text, const char *name,
                       const char *hazard)
{
	struct text named = {0};
	const char *place = strchr(text, STATEMENT_NAME);
	text_add_len(&named, text, place ? (size_t)(place - text) : strlen(text));
	if (place)
		text_add_all(&named, name, place + 1, NULL);
	emit_all(writer, text_string(&named), hazard);
	text_clear(&named);
}

/* How a column's values get into its new type. The same type again is one that was made anew under
 * its name. */
static const char *using_of(const struct writer *writer, const struct object *old,
                            const struct object *new)
{
	if (strcmp(old->definition, new->definition) == 0)
		return new->using_text;
	if (strcmp(old->base, new->base) == 0)
		return "";
	switch (catalog_cast(writer->diff->to, old->base, new->base)) {
	case 'i':
	case 'a':
		return "";
	case 'e':
		return new->using_cast;
	default:
		return new->using_text;
	}
}

/* quote_literal() for a label: as the server does it. */
static void add_label(struct text *text, const char *label, size_t len)
{
	if (memchr(label, '\\', len))
		text_add(text, "E");
	text_add(text, "'");
	for (size_t i = 0; i < len; i++) {
		if (label[i] == '\'' || label[i] == '\\')
			text_add_len(text, &label[i], 1);
		text_add_len(text, &label[i], 1);
	}
	text_add(text, "'");
}

static bool next_label(const char **labels, size_t *len)
{
	*labels += *len;
	*labels += **labels != '\0' && *len > 0;
	*len = strcspn(*labels, "\x1e");
	return **labels != '\0';
}

/* ALTER TYPE ... ADD VALUE, each label behind the one before it. A transaction that adds one cannot
 * use it. */
static void emit_labels(struct writer *writer, const struct object *old, const struct object *new)
{
	const char *had = old->shape, *label = new->shape, *before = NULL;
	size_t had_len = strcspn(had, "\x1e"), len = 0, before_len = 0;
	while (next_label(&label, &len)) {
		bool known = *had && had_len == len && memcmp(had, label, len) == 0;
		if (known) {
			(void)next_label(&had, &had_len);
		} else {
			struct text text = {0};
			text_add_all(&text, STATEMENT_ALONE, "ALTER TYPE ", new->name,
			             " ADD VALUE ", NULL);
			add_label(&text, label, len);
			text_add(&text, before ? " AFTER " : *had ? " BEFORE " : "");
			if (before)
				add_label(&text, before, before_len);
			else if (*had)
				add_label(&text, had, had_len);
			emit_all(writer, text_string(&text), NULL);
			text_clear(&text);
		}
		before = label;
		before_len = len;
	}
}

static bool holds_data(const struct object *object)
{
	return object->kind == KIND_TABLE || (object->kind == KIND_COLUMN && !object->shape[0]);
}

static const char *hazard_of(const struct change *change, bool drop)
{
	if (drop && holds_data(change->old))
		return change->action == ACTION_REPLACE
		               ? "what it holds is lost: it is made anew, empty"
		               : "what it holds is lost";
	if (drop && change->old->kind == KIND_SEQUENCE)
		return "where it has counted to is lost";
	if (!drop && change->action == ACTION_SWAP && change->new->kind == KIND_ENUM)
		return "fails while rows have a label that is no longer there";
	if (!drop && change->action == ACTION_MAKE && change->new->kind == KIND_NOT_NULL)
		return "fails while a row has nothing there";
	if (!drop && change->action == ACTION_MAKE && change->new->kind == KIND_IDENTITY)
		return "its numbers begin anew: set the sequence beyond those that are there";
	if (!drop && change->action == ACTION_CHANGE && change->new->kind == KIND_COLUMN)
		return "may rewrite the table, which nobody can use meanwhile";
	return NULL;
}

/* A new column without a default cannot be NOT NULL where there are rows. */
static const char *column_hazard(const struct writer *writer, const struct change *change)
{
	bool not_null = false, filled = change->new->shape[0];
	size_t count;
	if (change->new->kind != KIND_COLUMN)
		return NULL;
	struct object **parts = parts_of(writer, change->new, &count);
	for (size_t i = 0; i < count; i++) {
		not_null = not_null || parts[i]->kind == KIND_NOT_NULL;
		filled =
			filled || parts[i]->kind == KIND_DEFAULT || parts[i]->kind == KIND_IDENTITY;
	}
	free(parts);
	return not_null && !filled ? "fails where there are rows: they have nothing to put in"
	                           : NULL;
}

static bool is_sql_function(const struct object *object)
{
	return (object->kind == KIND_FUNCTION || object->kind == KIND_PROCEDURE) &&
	       strstr(object->make, "LANGUAGE sql");
}

static void emit_drop(struct writer *writer, const struct change *change)
{
	const struct object *old = change->old;
	bool online = writer->diff->settings->online && old->drop_online[0] &&
	              diff_is_live(writer->diff, change);
	const char *text = change->action == ACTION_SWAP ? old->drop_aside
	                   : online                      ? old->drop_online
	                                                 : old->drop;
	emit_all(writer, text, hazard_of(change, true));
}

static void emit_new(struct writer *writer, const struct change *change)
{
	const struct object *new = change->new;
	const char *hazard = hazard_of(change, false);
	if (change->action == ACTION_SWAP) {
		emit_all(writer, change->old->aside, hazard);
		hazard = NULL;
	}
	if (writer->diff->settings->online && new->make_online[0] &&
	    diff_is_live(writer->diff, change))
		emit_all(writer, new->make_online, hazard);
	else
		emit_make(writer, new,
		          hazard                               ? hazard
		          : diff_is_live(writer->diff, change) ? column_hazard(writer, change)
		                                               : NULL);
}

static void emit_change(struct writer *writer, const struct change *change)
{
	const struct object *new = change->new;
	const char *text = change->text ? change->text
	                   : writer->diff->settings->online && new->change_online[0]
	                           ? new->change_online
	                           : new->change;
	if (new->kind == KIND_ENUM)
		emit_labels(writer, change->old, new);
	else
		emit_named(writer, text,
		           new->kind == KIND_COLUMN ? using_of(writer, change->old, new)
		                                    : change->old->old_name,
		           hazard_of(change, false));
}

static void emit_step(struct writer *writer, const struct step_of *step)
{
	size_t before = writer->plan->count;
	const struct change *change = step->change;
	if (step->drop)
		emit_drop(writer, change);
	else if (change->action == ACTION_RENAME)
		emit_named(writer, change->new->rename, change->old->old_name, NULL);
	else if (change->action == ACTION_CHANGE)
		emit_change(writer, change);
	else
		emit_new(writer, change);
	if (!step->drop && is_sql_function(change->new) && before < writer->plan->count)
		writer->plan->at[before].forward = true;
}

static void list_by_hand(const struct diff *diff, struct text *by_hand)
{
	for (size_t i = 0; i < diff->count; i++) {
		const struct change *change = &diff->at[i];
		const struct object *object = change->new ? change->new : change->old;
		if (object && object->kind == KIND_UNSUPPORTED && change->action != ACTION_KEEP)
			text_add_all(by_hand, change->new ? "make " : "drop ", object->name, "\n",
			             NULL);
	}
}

struct plan *plan_make(const struct catalog *from, const struct catalog *to,
                       const struct plan_settings *settings)
{
	struct diff diff;
	struct sequence sequence;
	struct text by_hand = {0};
	struct writer writer = {.diff = &diff, .plan = must_zero(1, sizeof(struct plan))};
	diff_match(&diff, from, to, settings);
	diff_spread(&diff);
	diff_order(&diff, &sequence);
	for (size_t i = 0; i < sequence.count; i++)
		emit_step(&writer, &sequence.at[i]);
	list_by_hand(&diff, &by_hand);
	writer.plan->by_hand = text_take(&by_hand);
	forget_last(&writer);
	free(sequence.at);
	diff_clear(&diff);
	return writer.plan;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->count; i++)
		free(plan->at[i].text);
	free(plan->at);
	free(plan->by_hand);
	free(plan);
}

char *plan_text(const struct plan *plan)
{
	struct text text = {0};
	bool off = false;
	for (size_t i = 0; i < plan->count; i++) {
		const struct statement *statement = &plan->at[i];
		if (statement->forward && !off)
			text_add(&text, "SET check_function_bodies = off;\n");
		off = off || statement->forward;
		if (statement->hazard)
			text_add_all(&text, "-- Beware: ", statement->hazard, ".\n", NULL);
		text_add_all(&text, statement->text, ";\n", NULL);
	}
	return text_take(&text);
}
