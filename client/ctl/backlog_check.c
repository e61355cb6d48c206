#include "client/ctl/backlog_check.h"

#include "client/ctl/backlog_rules.h"
#include "client/ctl/report.h"
#include "proto/json_time.h"
#include "proto/rules_format.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { TEXT, NUMBER, WORD, DATE, TIME, OBJECT, USER, EPIC, SPRINT };

struct field {
	enum backlog_kind kind;
	const char *name;
	enum type type;
	bool required;
	const char *words;
};

static const struct field fields[] = {
#define FIELD(kind, name, type, required, words) {KIND_##kind, name, type, required, words},
#include "client/ctl/backlog_fields.def"
#undef FIELD
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const struct field *field_find(enum backlog_kind kind, const char *name)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].kind == kind && strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static void list_fields(enum backlog_kind kind, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < FIELDS && len < size; i++)
		if (fields[i].kind == kind)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
			                        fields[i].name);
}

static bool is_word(const char *words, const char *text)
{
	size_t len = strlen(text);
	for (const char *at = words; (at = strstr(at, text)); at++)
		if (len > 0 && (at == words || at[-1] == ' ') &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

static bool is_time(const char *text)
{
	int64_t seconds;
	int32_t nanos;
	return timestamp_read(bytes_of(text, strlen(text)), &seconds, &nanos);
}

static const char *text_fault(struct backlog *backlog, const struct entry *entry,
                              const struct field *field, const char *text)
{
	const char *detail;
	struct bytes bytes = bytes_of(text, strlen(text));
	if (field->required && *text == '\0')
		return "must not be empty";
	if (field->type == WORD && !is_word(field->words, text))
		return field->words;
	if (field->type == DATE && *text)
		return format_fault(RULE_DATE, bytes, &detail);
	if (field->type == TIME && !is_time(text))
		return "must be a time as 2024-02-29T12:00:00Z";
	if (field->type == USER && !backlog_user(backlog, text))
		return "no line before this one has a user of this username";
	if (field->type == EPIC && !backlog_named(backlog, KIND_EPIC, entry->project, text))
		return "no line before this one has an epic of this name in the project";
	if (field->type == SPRINT && !backlog_named(backlog, KIND_SPRINT, entry->project, text))
		return "no line before this one has a sprint of this name in the project";
	return NULL;
}

/* null is as good as absent, unless the field is required. */
static void check_value(struct backlog *backlog, const struct entry *entry,
                        const struct field *field, const json_t *value)
{
	static const char *const wanted[] = {"a string",   "an integer",     "one of",
	                                     "a date",     "a time",         "an object",
	                                     "a username", "an epic's name", "a sprint's name"};
	bool right = json_is_string(value);
	if (!value || json_is_null(value)) {
		if (field->required)
			backlog_fault(backlog, entry->line, "%s is missing", field->name);
		return;
	}
	if (field->type == NUMBER || field->type == OBJECT)
		right = field->type == NUMBER ? json_is_integer(value) : json_is_object(value);
	if (!right) {
		backlog_fault(backlog, entry->line, "%s must be %s%s%s", field->name,
		              wanted[field->type], field->words ? " " : "",
		              field->words ? field->words : "");
		return;
	}
	const char *text = json_string_value(value);
	const char *fault = text ? text_fault(backlog, entry, field, text) : NULL;
	char reason[WIRE_REASON_SIZE];
	if (fault)
		backlog_fault(backlog, entry->line, "%s \"%.100s\": %s%s", field->name, text,
		              fault == field->words ? "allowed are " : "", fault);
	else if (!backlog_rules_check(field->kind, field->name, value, reason))
		backlog_fault(backlog, entry->line, "%s", reason);
}

static void check_unknown(struct backlog *backlog, const struct entry *entry,
                          enum backlog_kind kind)
{
	const char *name;
	json_t *value;
	json_object_foreach(entry->json, name, value)
	{
		char allowed[400];
		if (strcmp(name, "kind") == 0 || field_find(kind, name))
			continue;
		list_fields(kind, allowed, sizeof allowed);
		backlog_fault(backlog, entry->line,
		              "\"%.60s\" is no field of the kind %s; allowed are %s", name,
		              backlog_kinds[kind], allowed);
	}
}

static bool find_kind(struct backlog *backlog, const struct entry *entry, enum backlog_kind *kind)
{
	const char *text = entry_text(entry, "kind");
	for (unsigned i = 0; i < KIND_COUNT; i++) {
		*kind = (enum backlog_kind)i;
		if (strcmp(text, backlog_kinds[i]) == 0)
			return true;
	}
	backlog_fault(backlog, entry->line,
	              "kind \"%.60s\": allowed are organization, user, project, epic, sprint, "
	              "story, document",
	              text);
	return false;
}

static void check_place(struct backlog *backlog, const struct entry *entry, enum backlog_kind kind)
{
	if (kind == KIND_ORGANIZATION && backlog->kind[kind].count > 0)
		backlog_fault(backlog, entry->line, "a second organization; one a file is allowed");
	if (kind >= KIND_EPIC && backlog->kind[KIND_PROJECT].count == 0)
		backlog_fault(backlog, entry->line,
		              "a line of the kind %s before the first project",
		              backlog_kinds[kind]);
}

bool backlog_check(struct backlog *backlog, const struct entry *entry, enum backlog_kind *kind)
{
	if (!find_kind(backlog, entry, kind))
		return false;
	check_unknown(backlog, entry, *kind);
	check_place(backlog, entry, *kind);
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].kind == *kind)
			check_value(backlog, entry, &fields[i],
			            json_object_get(entry->json, fields[i].name));
	return true;
}

static bool is_met(const struct backlog *backlog, const struct entry *entry,
                   const struct field *field)
{
	const char *name = entry_text(entry, field->name);
	if (*name == '\0' || field->type < USER)
		return true;
	if (field->type == USER)
		return backlog_user(backlog, name)->id != NULL;
	enum backlog_kind kind = field->type == EPIC ? KIND_EPIC : KIND_SPRINT;
	return backlog_named(backlog, kind, entry->project, name)->number != 0;
}

const char *backlog_unmet(const struct backlog *backlog, const struct entry *entry,
                          enum backlog_kind kind)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].kind == kind && !is_met(backlog, entry, &fields[i]))
			return fields[i].name;
	return NULL;
}

/* --- the whole file -------------------------------------------------------------------------- */

/* Entries sorted by what has to differ. */
struct named {
	const struct entry *entry;
	char *name;
};

static int compare(const void *a, const void *b)
{
	const struct named *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order ? order
	             : (left->entry->line > right->entry->line) -
	                       (left->entry->line < right->entry->line);
}

/* "2 Sprint 1": the project, for what has to differ in it alone. Usernames, e-mail addresses and
 * keys are the same in any case. */
static char *name_of(const struct entry *entry, enum backlog_kind kind, const json_t *value)
{
	char *name;
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	if (asprintf(&name, "%zu %s%lld", kind < KIND_EPIC ? 0 : entry->project, text,
	             (long long)json_integer_value(value)) < 0)
		report_no_memory();
	for (char *at = name; kind < KIND_EPIC && *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return name;
}

static void check_twins(struct backlog *backlog, enum backlog_kind kind, const char *field)
{
	const struct entries *entries = &backlog->kind[kind];
	struct named *all = calloc(entries->count + 1, sizeof *all);
	size_t count = 0;
	if (!all)
		report_no_memory();
	for (size_t i = 0; i < entries->count; i++) {
		const json_t *value = json_object_get(entries->at[i].json, field);
		if (json_is_string(value) || json_is_integer(value))
			all[count++] = (struct named){&entries->at[i],
			                              name_of(&entries->at[i], kind, value)};
	}
	qsort(all, count, sizeof *all, compare);
	for (size_t i = 1; i < count; i++)
		if (strcmp(all[i - 1].name, all[i].name) == 0)
			backlog_fault(backlog, all[i].entry->line, "the same %s as line %zu%s",
			              field, all[i - 1].entry->line,
			              kind < KIND_EPIC ? "" : " in the same project");
	for (size_t i = 0; i < count; i++)
		free(all[i].name);
	free(all);
}

/* By these names other lines, or a later import, find a line. */
void backlog_check_whole(struct backlog *backlog)
{
	if (backlog->kind[KIND_ORGANIZATION].count == 0)
		backlog_fault(backlog, 1, "the file has no line of the kind organization");
	if (backlog->kind[KIND_USER].count == 0)
		backlog_fault(backlog, 1,
		              "the file has no line of the kind user; the first user owns the "
		              "organization");
	check_twins(backlog, KIND_USER, "username");
	check_twins(backlog, KIND_USER, "email");
	check_twins(backlog, KIND_PROJECT, "key");
	check_twins(backlog, KIND_EPIC, "name");
	check_twins(backlog, KIND_SPRINT, "name");
	check_twins(backlog, KIND_STORY, "number");
	check_twins(backlog, KIND_DOCUMENT, "path");
}
