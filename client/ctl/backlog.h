/* backlog - a backlog in a file: one JSON object a line (NDJSON), checked before anything is sent.
 *
 * Kinds: organization, user, project, epic, sprint, story, document. One organization comes first;
 * epics, sprints, stories and documents belong to the project line before them; a story names its
 * epic, its sprint, its assignee and its creator. Owns: the entries. Errors: on standard error, as
 * FILE:LINE: what is wrong and what is allowed. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BACKLOG_LINE_MAX = 2 << 20, /* bytes: a call's message is at most 4 MiB */
	BACKLOG_FAULTS_MAX = 50,    /* more are not told */
};

enum backlog_kind {
	KIND_ORGANIZATION,
	KIND_USER,
	KIND_PROJECT,
	KIND_EPIC,
	KIND_SPRINT,
	KIND_STORY,
	KIND_DOCUMENT,
	KIND_COUNT,
};

extern const char *const backlog_kinds[KIND_COUNT]; /* "organization", ... */

struct entry {
	size_t line; /* from 1 */
	size_t bytes;
	json_t *json;
	size_t project; /* position of its project among the projects */
	char *id;       /* of a user: the UUID that the server gave */
	int64_t number; /* of an epic or sprint: the id that the server gave */
};

struct entries {
	struct entry *at;
	size_t count, capacity;
};

struct backlog {
	const char *path;
	struct entries kind[KIND_COUNT];
	json_t *names; /* positions of users, epics and sprints, by what others call them */
	size_t faults;
};

/* False: something is wrong, and was said. */
bool backlog_read(struct backlog *backlog, const char *path);
void backlog_free(struct backlog *backlog);

/* "FILE:LINE: ..." */
void backlog_fault(struct backlog *backlog, size_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A member as text; "" if it is absent or null. */
const char *entry_text(const struct entry *entry, const char *name);

/* The user of this username; NULL: none. */
struct entry *backlog_user(const struct backlog *backlog, const char *username);

/* The epic or sprint of this name in a project; NULL: none. */
struct entry *backlog_named(const struct backlog *backlog, enum backlog_kind kind, size_t project,
                            const char *name);
