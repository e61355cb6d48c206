/* Reading lines, and finding what they name. What a line may say is in backlog_check.c. */
#include "client/ctl/backlog.h"

#include "client/ctl/backlog_check.h"
#include "client/ctl/report.h"
#include "client/ctl/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const backlog_kinds[KIND_COUNT] = {"organization", "user",  "project", "epic",
                                               "sprint",       "story", "document"};

void backlog_fault(struct backlog *backlog, size_t line, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	backlog->faults++;
	if (backlog->faults > BACKLOG_FAULTS_MAX)
		return;
	fprintf(stderr, "%s:%zu: ", backlog->path, line);
	text_print(text, stderr);
	fputc('\n', stderr);
	if (backlog->faults == BACKLOG_FAULTS_MAX)
		fputs("prismctl: what else is wrong is not told\n", stderr);
}

const char *entry_text(const struct entry *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry->json, name));
	return text ? text : "";
}

/* "4 0 Sprint 1": kind, project, name. */
static char *name_key(enum backlog_kind kind, size_t project, const char *name)
{
	char *key;
	if (asprintf(&key, "%d %zu %s", (int)kind, project, name) < 0)
		report_no_memory();
	return key;
}

static struct entry *find(const struct backlog *backlog, enum backlog_kind kind, size_t project,
                          const char *name)
{
	char *key = name_key(kind, project, name);
	const json_t *position = json_object_get(backlog->names, key);
	free(key);
	if (!position)
		return NULL;
	return &backlog->kind[kind].at[json_integer_value(position)];
}

struct entry *backlog_user(const struct backlog *backlog, const char *username)
{
	return find(backlog, KIND_USER, 0, username);
}

struct entry *backlog_named(const struct backlog *backlog, enum backlog_kind kind, size_t project,
                            const char *name)
{
	return find(backlog, kind, project, name);
}

static void remember(struct backlog *backlog, enum backlog_kind kind, const struct entry *entry)
{
	bool user = kind == KIND_USER;
	if (!user && kind != KIND_EPIC && kind != KIND_SPRINT)
		return;
	char *key = name_key(kind, user ? 0 : entry->project,
	                     entry_text(entry, user ? "username" : "name"));
	json_object_set_new(backlog->names, key,
	                    json_integer((json_int_t)backlog->kind[kind].count));
	free(key);
}

static void append(struct entries *entries, const struct entry *entry)
{
	if (entries->count == entries->capacity) {
		entries->capacity = entries->capacity ? entries->capacity * 2 : 64;
		entries->at = realloc(entries->at, entries->capacity * sizeof *entries->at);
		if (!entries->at)
			report_no_memory();
	}
	entries->at[entries->count++] = *entry;
}

/* What some programs begin a file in UTF-8 with. */
static const char BYTE_ORDER_MARK[] = "\xef\xbb\xbf";
enum { BYTE_ORDER_MARK_SIZE = sizeof(BYTE_ORDER_MARK) - 1 };

static size_t mark_before(size_t line, const char *text, size_t len)
{
	bool marked = line == 1 && len >= BYTE_ORDER_MARK_SIZE &&
	              memcmp(text, BYTE_ORDER_MARK, BYTE_ORDER_MARK_SIZE) == 0;
	return marked ? BYTE_ORDER_MARK_SIZE : 0;
}

static bool is_blank(const char *text, size_t len)
{
	return strspn(text, " \t\r\n") >= len;
}

static void take_object(struct backlog *backlog, struct entry *entry)
{
	enum backlog_kind kind;
	size_t projects = backlog->kind[KIND_PROJECT].count;
	entry->project = projects ? projects - 1 : 0;
	if (!backlog_check(backlog, entry, &kind)) {
		json_decref(entry->json);
		return;
	}
	/* One that is wrong is kept, so that what names it is not blamed. */
	if (kind == KIND_PROJECT)
		entry->project = projects;
	remember(backlog, kind, entry);
	append(&backlog->kind[kind], entry);
}

static void take_line(struct backlog *backlog, size_t line, const char *text, size_t len)
{
	if (is_blank(text, len))
		return;
	if (len > BACKLOG_LINE_MAX) {
		backlog_fault(backlog, line, "the line has %zu bytes; at most %d are allowed", len,
		              BACKLOG_LINE_MAX);
		return;
	}
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		bool nul = json_error_code(&error) == json_error_null_character;
		backlog_fault(backlog, line, "no JSON: %s, column %d",
		              nul ? "\\u0000 is not allowed" : error.text, error.column);
		return;
	}
	if (!json_is_object(json)) {
		backlog_fault(backlog, line, "a line must be a JSON object with a \"kind\"");
		json_decref(json);
		return;
	}
	take_object(backlog, &(struct entry){.line = line, .bytes = len, .json = json});
}

static void read_lines(struct backlog *backlog, FILE *file)
{
	char *text = NULL;
	size_t capacity = 0, line = 0;
	for (ssize_t len; (len = getline(&text, &capacity, file)) >= 0;) {
		size_t mark = mark_before(++line, text, (size_t)len);
		take_line(backlog, line, text + mark, (size_t)len - mark);
	}
	free(text);
	if (ferror(file))
		backlog_fault(backlog, line + 1, "%s", strerror(errno));
}

bool backlog_read(struct backlog *backlog, const char *path)
{
	*backlog = (struct backlog){.path = path, .names = json_object()};
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "r");
	if (!file) {
		report_usage("%s: %s", path, strerror(errno));
		return false;
	}
	read_lines(backlog, file);
	if (!standard)
		fclose(file);
	backlog_check_whole(backlog);
	if (backlog->faults > 0)
		fprintf(stderr, "prismctl: %s: %zu faults; nothing was sent\n", path,
		        backlog->faults);
	return backlog->faults == 0;
}

void backlog_free(struct backlog *backlog)
{
	json_decref(backlog->names);
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		struct entries *entries = &backlog->kind[kind];
		for (size_t i = 0; i < entries->count; i++) {
			json_decref(entries->at[i].json);
			free(entries->at[i].id);
		}
		free(entries->at);
	}
}
