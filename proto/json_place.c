#include "proto/json_place.h"

#include "proto/json_hint.h"
#include "proto/utf8.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	NAME_MOST = 64,  /* longer names are not compared */
	SHOWN_MOST = 60, /* bytes of what a text holds that are repeated in a reason */
};

static size_t path_write(const struct json_place *place, char *out, size_t size)
{
	size_t at = place->parent ? path_write(place->parent, out, size) : 0;
	if (at >= size)
		return at;
	if (place->name)
		return at + (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? "." : "",
		                             place->name);
	if (place->parent)
		return at + (size_t)snprintf(out + at, size - at, "[%zu]", place->index);
	return at;
}

/* A character that was cut in two is left out, control characters become '?'. */
static void clean(char *text)
{
	size_t len = strlen(text);
	while (len > 0 && !utf8_valid(bytes_of(text, len)))
		len--;
	text[len] = '\0';
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
}

/* What a text holds, as far as it is repeated in a reason. */
static void show(const char *text, char out[SHOWN_MOST])
{
	snprintf(out, SHOWN_MOST, "%s", text);
	clean(out);
}

enum status json_fail(const struct json_place *place, enum status status, const char *format, ...)
{
	char path[96] = "";
	size_t len = path_write(place, path, sizeof path);
	clean(path);
	len = (size_t)snprintf(place->reason, WIRE_REASON_SIZE,
	                       "%s: ", len > 0 ? path : "the message");
	va_list args;
	va_start(args, format);
	vsnprintf(place->reason + len, WIRE_REASON_SIZE - len, format, args);
	va_end(args);
	clean(place->reason);
	return status;
}

/* --- the nearest name ------------------------------------------------------------- */

struct letters {
	char at[NAME_MOST];
	size_t len;
};

static bool letters_of(const char *name, struct letters *out)
{
	out->len = 0;
	for (; *name; name++) {
		if (*name == '_')
			continue;
		if (out->len == NAME_MOST)
			return false;
		out->at[out->len++] = (char)tolower((unsigned char)*name);
	}
	return true;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment, of which three rows are needed at a time. */
static unsigned letters_distance(const struct letters *a, const struct letters *b)
{
	unsigned rows[3][NAME_MOST + 1];
	for (size_t j = 0; j <= b->len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a->len; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *before = rows[(i + 2) % 3], *long_before = rows[(i + 1) % 3];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b->len; j++) {
			unsigned changed = before[j - 1] + (a->at[i - 1] != b->at[j - 1]);
			row[j] = least(changed, least(before[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a->at[i - 1] == b->at[j - 2] &&
			    a->at[i - 2] == b->at[j - 1])
				row[j] = least(row[j], long_before[j - 2] + 1);
		}
	}
	return rows[a->len % 3][b->len];
}

unsigned json_distance(const char *one, const char *other)
{
	struct letters a, b;
	if (!letters_of(one, &a) || !letters_of(other, &b))
		return UINT_MAX;
	return letters_distance(&a, &b);
}

/* Near enough to be meant: a third of the letters may differ. */
static bool nearer(const char *name, const char *given, unsigned *best)
{
	unsigned distance = json_distance(name, given);
	if (distance > strlen(given) / 3 || distance >= *best)
		return false;
	*best = distance;
	return true;
}

/* --- unknown names -------------------------------------------------------------------- */

/* "a, b, c", or "a, b, ..." when there is no more room. */
struct list {
	char text[160];
	size_t len;
	bool full;
};

static void list_add(struct list *list, const char *name)
{
	static const char MORE[] = ", ...";
	size_t room = sizeof list->text - list->len - sizeof MORE;
	if (list->full)
		return;
	list->full = strlen(name) + 2 > room;
	list->len +=
		(size_t)sprintf(list->text + list->len, "%s%s",
	                        list->len > 0 && !list->full ? ", " : "", list->full ? MORE : name);
}

enum status json_fail_field(const struct json_place *place,
                            const ProtobufCMessageDescriptor *descriptor, const char *key)
{
	char shown[SHOWN_MOST], meant[NAME_MOST * 2] = "";
	show(key, shown);
	struct json_place unknown = {.parent = place, .name = shown, .reason = place->reason};
	struct list list = {0};
	unsigned best = UINT_MAX;
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		char name[NAME_MOST * 2];
		(void)json_field_name(&descriptor->fields[i], name, sizeof name);
		list_add(&list, name);
		if (nearer(name, key, &best))
			memcpy(meant, name, sizeof meant);
	}
	if (*meant)
		return json_fail(&unknown, STATUS_INVALID_ARGUMENT,
		                 "unknown field; did you mean %s?", meant);
	if (descriptor->n_fields == 0)
		return json_fail(&unknown, STATUS_INVALID_ARGUMENT, "unknown field; %s has none",
		                 descriptor->short_name);
	return json_fail(&unknown, STATUS_INVALID_ARGUMENT, "unknown field; %s has %s",
	                 descriptor->short_name, list.text);
}

enum status json_fail_enum(const struct json_place *place,
                           const ProtobufCEnumDescriptor *descriptor, const char *name)
{
	char shown[SHOWN_MOST];
	const char *meant = NULL;
	show(name, shown);
	struct list list = {0};
	unsigned best = UINT_MAX;
	for (unsigned i = 0; i < descriptor->n_values; i++) {
		list_add(&list, descriptor->values[i].name);
		if (nearer(descriptor->values[i].name, name, &best))
			meant = descriptor->values[i].name;
	}
	if (meant)
		return json_fail(place, STATUS_INVALID_ARGUMENT,
		                 "\"%s\" is no %s; did you mean %s?", shown, descriptor->short_name,
		                 meant);
	return json_fail(place, STATUS_INVALID_ARGUMENT, "\"%s\" is no %s; it has %s", shown,
	                 descriptor->short_name, list.text);
}
