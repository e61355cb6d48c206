/* A message is a list of names and values; a list of messages within it a table. */
#include "client/ctl/card.h"

#include "client/ctl/report.h"
#include "client/ctl/table.h"
#include "client/ctl/text.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_WIDTH = 60, NAME_SIZE = 256 };

/* Names are printed in one column: how wide it is is known after the first walk. */
struct card {
	size_t width;
	bool measuring;
	unsigned lines;
};

static char *value_text(const json_t *value)
{
	char *text = json_is_string(value) ? strdup(json_string_value(value))
	                                   : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	if (!text)
		report_no_memory();
	return text;
}

static void card_name(struct card *card, const char *name)
{
	card->lines++;
	text_pad(name, card->width, stdout);
	fputs("  ", stdout);
}

/* A text of several lines keeps to its column. */
static void card_value(const struct card *card, char *text)
{
	char *rest = text, *line;
	bool first = true;
	while ((line = strsep(&rest, "\n"))) {
		if (!first)
			printf("%*s", *line ? (int)card->width + 2 : 0, "");
		line[strcspn(line, "\r")] = '\0';
		text_print(line, stdout);
		putchar('\n');
		first = false;
	}
}

static void card_scalar(struct card *card, const char *name, const json_t *value)
{
	if (card->measuring) {
		size_t width = text_width(name);
		card->width = width > card->width ? width : card->width;
		return;
	}
	char *text = value_text(value);
	card_name(card, name);
	card_value(card, text);
	free(text);
}

static bool holds_objects(const json_t *list)
{
	return json_is_object(json_array_get(list, 0));
}

/* a, b, c */
static void card_list(struct card *card, const char *name, const json_t *list)
{
	if (card->measuring) {
		card_scalar(card, name, list);
		return;
	}
	card_name(card, name);
	size_t i;
	json_t *value;
	json_array_foreach(list, i, value)
	{
		char *text = value_text(value);
		if (i > 0)
			fputs(", ", stdout);
		text_print(text, stdout);
		free(text);
	}
	putchar('\n');
}

static void card_object(struct card *card, const char *prefix, json_t *object)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		char name[NAME_SIZE];
		snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key);
		if (json_is_object(value))
			card_object(card, name, value);
		else if (!json_is_array(value))
			card_scalar(card, name, value);
		else if (!holds_objects(value))
			card_list(card, name, value);
	}
}

/* --- lists of messages ----------------------------------------------------------------- */

/* Every name that some row has, in the order in which they appear: what is empty is left out of
 * JSON, and rows differ in it. */
static json_t *table_columns(const json_t *rows)
{
	json_t *columns = json_object();
	size_t i;
	json_t *row, *value;
	const char *key;
	json_array_foreach(rows, i, row)
	{
		json_object_foreach(row, key, value) json_object_set_new(columns, key, json_true());
	}
	return columns;
}

static void table_head(struct table *table, json_t *columns)
{
	const char *key;
	json_t *unused;
	json_object_foreach(columns, key, unused)
	{
		char head[NAME_SIZE];
		snprintf(head, sizeof head, "%s", key);
		for (char *at = head; *at; at++)
			*at = (char)toupper((unsigned char)*at);
		table_add(table, head);
	}
}

static void table_row(struct table *table, json_t *columns, const json_t *row)
{
	const char *key;
	json_t *unused;
	json_object_foreach(columns, key, unused)
	{
		const json_t *value = json_object_get(row, key);
		char *text = value ? value_text(value) : NULL;
		table_add(table, text ? text : "");
		free(text);
	}
}

static void list_print(const char *name, const json_t *rows)
{
	struct table table;
	json_t *columns = table_columns(rows);
	size_t i;
	json_t *row;
	printf("%s (%zu)\n", name, json_array_size(rows));
	table_init(&table, json_object_size(columns) ? json_object_size(columns) : 1, CELL_WIDTH);
	table_head(&table, columns);
	json_array_foreach(rows, i, row) table_row(&table, columns, row);
	table_print(&table, 2, stdout);
	table_deinit(&table);
	json_decref(columns);
}

static void lists_print(const char *prefix, json_t *object, bool *blank)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		char name[NAME_SIZE];
		snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key);
		if (json_is_object(value))
			lists_print(name, value, blank);
		if (!json_is_array(value) || !holds_objects(value))
			continue;
		if (*blank)
			putchar('\n');
		*blank = true;
		list_print(name, value);
	}
}

static void object_print(json_t *object)
{
	struct card card = {.measuring = true};
	card_object(&card, "", object);
	card.measuring = false;
	card_object(&card, "", object);
	bool blank = card.lines > 0;
	lists_print("", object, &blank);
	if (!blank)
		puts("(empty)");
}

void card_print(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	if (json_is_object(json))
		object_print(json);
	else
		puts(text);
	json_decref(json);
}
