#include "tests/bench/workload.h"

#include "proto/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TAG_ECHO = 1 << 3 | 2,
	TAG_ORGANIZATION = 1 << 3 | 0, /* GetStoryRequest.organization_id */
	TAG_ID = 2 << 3 | 0,           /* GetStoryRequest.id */
	TAG_STORY_ID = 1 << 3 | 0,     /* Story.id */
	STORY_REQUEST_MAX = 2 * 11,
	STORY_PLAUSIBLE = 24, /* bytes: an id, an organization, a project, a key, two times */
};

static const uint64_t SEED = 88172645463325252u;

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
	*workload = (struct workload){.kind = WORKLOAD_ECHO, .body_max = size, .echo = echo};
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

void workload_deinit(struct workload *workload)
{
	free(workload->echo);
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

uint64_t workload_write(struct workload *workload, struct writer *writer)
{
	if (workload->kind == WORKLOAD_ECHO) {
		writer_bytes(writer, workload->echo, workload->body_max);
		return 0;
	}
	const struct story_key *key = workload_story(workload);
	writer_u8(writer, TAG_ORGANIZATION);
	writer_varint(writer, (uint64_t)key->organization);
	writer_u8(writer, TAG_ID);
	writer_varint(writer, (uint64_t)key->id);
	return (uint64_t)key->id;
}

bool workload_right(const struct workload *workload, uint64_t asked, struct bytes answer)
{
	if (workload->kind == WORKLOAD_ECHO)
		return bytes_equal(answer, bytes_of(workload->echo, workload->body_max));
	struct reader reader = reader_init(answer);
	return answer.len >= STORY_PLAUSIBLE && reader_u8(&reader) == TAG_STORY_ID &&
	       reader_varint(&reader) == asked && !reader.failed;
}
