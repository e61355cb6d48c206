/* workload - what is asked, and whether an answer is the right one.
 *
 * Owns: the list of stories. Lifetime: workload_*_init() .. workload_deinit(). */
#pragma once
#include "proto/writer.h"

struct story_key {
	int64_t organization, id;
};

struct workload {
	enum workload_kind { WORKLOAD_ECHO, WORKLOAD_STORY, WORKLOAD_CREATE, WORKLOAD_LIST } kind;
	size_t body_max;        /* no request is larger */
	uint8_t *body;          /* the one request of an echo or a list */
	struct story_key *keys; /* the stories that are asked for, or the projects, at random */
	size_t key_count;
	uint64_t random;
};

enum { WORKLOAD_MESSAGE_SIZE = 256 };

/* A message whose field 1 holds `len` bytes; the answer has to be the same. */
MUST_CHECK
bool workload_echo_init(struct workload *workload, size_t len);

/* Stories first..last: the first `per_organization` of them belong to `organization`, the next ones
 * to the organization behind it, and so on. 0: all belong to one. */
struct story_range {
	int64_t organization, first, last, per_organization;
};

/* Reads "FIRST-LAST" or "ID" into first and last. */
MUST_CHECK
bool story_range_parse(const char *text, struct story_range *range);

/* GetStory by id: any story of the range. */
MUST_CHECK
bool workload_range_init(struct workload *workload, const struct story_range *range);

/* GetStory by id: the file has a line "ORGANIZATION ID" per story. */
MUST_CHECK
bool workload_file_init(struct workload *workload, const char *path,
                        char message[WORKLOAD_MESSAGE_SIZE]);

/* CreateStory with a request_id of its own each time, in any project of the range. */
MUST_CHECK
bool workload_create_init(struct workload *workload, const struct story_range *projects);

struct story_page {
	uint32_t size, order; /* of ListStoriesRequest, by number */
	bool total;           /* want_total */
	const char *token;    /* NULL: the first page */
};

/* ListStories: always the same page of project projects->first. */
MUST_CHECK
bool workload_list_init(struct workload *workload, const struct story_range *projects,
                        const struct story_page *page);

void workload_deinit(struct workload *workload);

/* One of the stories, at random. */
const struct story_key *workload_story(struct workload *workload);

/* Writes a request; returns what workload_right() wants to know about it. */
uint64_t workload_write(struct workload *workload, struct writer *writer);

/* Is this the answer to that request? */
bool workload_right(const struct workload *workload, uint64_t asked, struct bytes answer);
