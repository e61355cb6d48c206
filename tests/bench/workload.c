#include "tests/bench/workload.h"

#include "proto/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	TAG_ECHO = 1 << 3 | 2,
	TAG_ORGANIZATION = 1 << 3 | 0, /* GetStoryRequest.organization_id */
	TAG_ID = 2 << 3 | 0,           /* GetStoryRequest.id */
	TAG_STORY_ID = 1 << 3 | 0,     /* Story.id */
	TAG_PROJECT = 2 << 3 | 0,      /* CreateStoryRequest.project_id, and ListStoriesRequest's */
	TAG_STORY = 3 << 3 | 2,        /* CreateStoryRequest.story */
	TAG_TITLE = 6 << 3 | 2,        /* Story.title */
	TAG_REQUEST_ID = 4 << 3 | 2,   /* CreateStoryRequest.request_id */
	TAG_ORDER = 4 << 3 | 0,        /* ListStoriesRequest.order */
	TAG_PAGE_SIZE = 7 << 3 | 0,    /* ListStoriesRequest.page_size */
	TAG_PAGE_TOKEN = 8 << 3 | 2,   /* ListStoriesRequest.page_token */
	TAG_WANT_TOTAL = 9 << 3 | 0,   /* ListStoriesRequest.want_total */
	TAG_STORIES = 1 << 3 | 2,      /* ListStoriesResponse.stories */
	STORY_REQUEST_MAX = 2 * 11,
	REQUEST_ID_LEN = 36,
	STORY_PLAUSIBLE = 24, /* bytes: an id, an organization, a project, a key, two times */
};

static const uint64_t SEED = 88172645463325252u;
static const char TITLE[] = "As a user I want one more story";

bool workload_echo_init(struct workload *workload, size_t len)
{
	size_t size = 1 + varint_size(len) + len;
	uint8_t *echo = malloc(size);
	if (!echo)
		return false;
	struct writer writer = writer_init(echo, size);
	writer_u8(&writer, TAG_ECHO);
	writer_varint(&writer, len);
	memset(writer.at, 'x', len);
	*workload = (struct workload){.kind = WORKLOAD_ECHO, .body_max = size, .body = echo};
	return true;
}

static void story_init(struct workload *workload, struct story_key *keys, size_t count)
{
	*workload = (struct workload){
		.kind = WORKLOAD_STORY,
		.body_max = STORY_REQUEST_MAX,
		.keys = keys,
		.key_count = count,
		.random = SEED,
	};
}

bool story_range_parse(const char *text, struct story_range *range)
{
	char *end;
	int64_t first = strtoll(text, &end, 10), last = first;
	if (*end == '-')
		last = strtoll(end + 1, &end, 10);
	if (*end != 0 || first < 1 || last < first)
		return false;
	range->first = first;
	range->last = last;
	return true;
}

bool workload_range_init(struct workload *workload, const struct story_range *range)
{
	size_t count = (size_t)(range->last - range->first) + 1;
	size_t each = range->per_organization > 0 ? (size_t)range->per_organization : count;
	struct story_key *keys = calloc(count, sizeof *keys);
	if (!keys)
		return false;
	for (size_t i = 0; i < count; i++) {
		keys[i].organization = range->organization + (int64_t)(i / each);
		keys[i].id = range->first + (int64_t)i;
	}
	story_init(workload, keys, count);
	return true;
}

static bool append_key(struct buffer *keys, struct story_key key)
{
	return buffer_append(keys, &key, sizeof key);
}

static bool read_keys(FILE *file, const char *path, struct buffer *keys,
                      char message[WORKLOAD_MESSAGE_SIZE])
{
	struct story_key key;
	int read;
	while ((read = fscanf(file, "%" SCNd64 " %" SCNd64, &key.organization, &key.id)) == 2)
		if (!append_key(keys, key)) {
			snprintf(message, WORKLOAD_MESSAGE_SIZE, "%s: out of memory", path);
			return false;
		}
	if (read == EOF && keys->end > 0)
		return true;
	snprintf(message, WORKLOAD_MESSAGE_SIZE, "%s: line %zu is not ORGANIZATION ID", path,
	         keys->end / sizeof key + 1);
	return false;
}

bool workload_file_init(struct workload *workload, const char *path,
                        char message[WORKLOAD_MESSAGE_SIZE])
{
	struct buffer keys = {0};
	FILE *file = fopen(path, "re");
	if (!file) {
		snprintf(message, WORKLOAD_MESSAGE_SIZE, "cannot read %s", path);
		return false;
	}
	bool read = read_keys(file, path, &keys, message);
	fclose(file);
	if (!read) {
		buffer_deinit(&keys);
		return false;
	}
	story_init(workload, (struct story_key *)(void *)keys.data,
	           keys.end / sizeof(struct story_key));
	return true;
}

bool workload_create_init(struct workload *workload, const struct story_range *projects)
{
	if (!workload_range_init(workload, projects))
		return false;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now); /* request ids of an earlier run must not come again */
	workload->random ^= (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec;
	workload->kind = WORKLOAD_CREATE;
	workload->body_max = STORY_REQUEST_MAX + 2 + 2 + sizeof TITLE + 2 + REQUEST_ID_LEN;
	return true;
}

static void write_ids(struct writer *writer, uint8_t second_tag, const struct story_key *key)
{
	writer_u8(writer, TAG_ORGANIZATION);
	writer_varint(writer, (uint64_t)key->organization);
	writer_u8(writer, second_tag);
	writer_varint(writer, (uint64_t)key->id);
}

static void write_text(struct writer *writer, uint8_t tag, const char *text, size_t len)
{
	writer_u8(writer, tag);
	writer_varint(writer, len);
	writer_bytes(writer, text, len);
}

bool workload_list_init(struct workload *workload, const struct story_range *projects,
                        const struct story_page *page)
{
	size_t token = page->token ? strlen(page->token) : 0;
	size_t size = STORY_REQUEST_MAX + 4 * 11 + token;
	uint8_t *body = malloc(size);
	if (!body)
		return false;
	struct writer writer = writer_init(body, size);
	write_ids(&writer, TAG_PROJECT,
	          &(struct story_key){projects->organization, projects->first});
	writer_u8(&writer, TAG_ORDER);
	writer_varint(&writer, page->order);
	writer_u8(&writer, TAG_PAGE_SIZE);
	writer_varint(&writer, page->size);
	if (token > 0)
		write_text(&writer, TAG_PAGE_TOKEN, page->token, token);
	writer_u8(&writer, TAG_WANT_TOTAL);
	writer_varint(&writer, page->total);
	*workload = (struct workload){
		.kind = WORKLOAD_LIST, .body_max = (size_t)(writer.at - body), .body = body};
	return true;
}

void workload_deinit(struct workload *workload)
{
	free(workload->body);
	free(workload->keys);
}

static uint64_t next_random(struct workload *workload)
{
	workload->random ^= workload->random << 13;
	workload->random ^= workload->random >> 7;
	workload->random ^= workload->random << 17;
	return workload->random;
}

const struct story_key *workload_story(struct workload *workload)
{
	return &workload->keys[next_random(workload) % workload->key_count];
}

static void write_create(struct workload *workload, struct writer *writer,
                         const struct story_key *project)
{
	char id[REQUEST_ID_LEN + 1];
	uint64_t high = next_random(workload), low = next_random(workload);
	snprintf(id, sizeof id, "%08x-%04x-4%03x-8%03x-%012" PRIx64, (unsigned)(high >> 32),
	         (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff), (unsigned)(low >> 52),
	         low & 0xffffffffffff);
	write_ids(writer, TAG_PROJECT, project);
	writer_u8(writer, TAG_STORY);
	writer_varint(writer, 2 + strlen(TITLE));
	write_text(writer, TAG_TITLE, TITLE, strlen(TITLE));
	write_text(writer, TAG_REQUEST_ID, id, REQUEST_ID_LEN);
}

uint64_t workload_write(struct workload *workload, struct writer *writer)
{
	if (workload->body) {
		writer_bytes(writer, workload->body, workload->body_max);
		return 0;
	}
	const struct story_key *key = workload_story(workload);
	if (workload->kind == WORKLOAD_CREATE)
		write_create(workload, writer, key);
	else
		write_ids(writer, TAG_ID, key);
	return (uint64_t)key->id;
}

bool workload_right(const struct workload *workload, uint64_t asked, struct bytes answer)
{
	struct reader reader = reader_init(answer);
	switch (workload->kind) {
	case WORKLOAD_ECHO:
		return bytes_equal(answer, bytes_of(workload->body, workload->body_max));
	case WORKLOAD_LIST:
		return answer.len >= STORY_PLAUSIBLE && reader_u8(&reader) == TAG_STORIES;
	case WORKLOAD_CREATE:
		return answer.len >= STORY_PLAUSIBLE && reader_u8(&reader) == TAG_STORY_ID;
	case WORKLOAD_STORY:
		break;
	}
	return answer.len >= STORY_PLAUSIBLE && reader_u8(&reader) == TAG_STORY_ID &&
	       reader_varint(&reader) == asked && !reader.failed;
}
