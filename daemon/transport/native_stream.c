/* The table is open addressing with linear probing. The numbers are the client's choice, so where
 * one is at home depends on a seed that clients do not know: numbers that all meet in one place
 * would make every frame cost a thousand steps. Whoever is further from home keeps the slot (Robin
 * Hood hashing), so that a removal ends at the first one that is at home. */
#include "daemon/transport/native_stream.h"
#include "daemon/transport/native_session.h"

#include <assert.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 8, CAPACITY_KEPT = 16, SPARE_STREAMS = 1024 };

/* MurmurHash3's finalizer. */
static uint32_t mixed(uint32_t number)
{
	number = (number ^ number >> 16) * 0x85ebca6bu;
	number = (number ^ number >> 13) * 0xc2b2ae35u;
	return number ^ number >> 16;
}

static uint32_t home_of(const struct stream_table *table, uint32_t id)
{
	return mixed(id ^ table->seed) & (table->capacity - 1);
}

static uint32_t after(const struct stream_table *table, uint32_t slot)
{
	return (slot + 1) & (table->capacity - 1);
}

struct stream *stream_table_find(const struct stream_table *table, uint32_t id)
{
	if (table->count == 0)
		return NULL;
	uint32_t slot = home_of(table, id);
	while (table->slots[slot] && table->slots[slot]->id != id)
		slot = after(table, slot);
	return table->slots[slot];
}

static uint32_t distance(const struct stream_table *table, uint32_t slot)
{
	return (slot - home_of(table, table->slots[slot]->id)) & (table->capacity - 1);
}

static void put(struct stream_table *table, struct stream *stream)
{
	uint32_t slot = home_of(table, stream->id), away = 0;
	for (; table->slots[slot]; slot = after(table, slot), away++) {
		uint32_t its = distance(table, slot);
		if (its >= away)
			continue;
		struct stream *richer = table->slots[slot];
		table->slots[slot] = stream;
		stream = richer;
		away = its;
	}
	table->slots[slot] = stream;
}

static bool grow(struct stream_table *table)
{
	struct stream_table grown = {
		.capacity = table->capacity ? table->capacity * 2 : CAPACITY_FIRST,
		.count = table->count,
		.seed = table->seed,
	};
	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (uint32_t i = 0; i < table->capacity; i++)
		if (table->slots[i])
			put(&grown, table->slots[i]);
	free(table->slots);
	*table = grown;
	return true;
}

bool stream_table_add(struct stream_table *table, struct stream *stream)
{
	bool full = table->count >= table->capacity - table->capacity / 4;
	if (full && !grow(table))
		return false;
	put(table, stream);
	table->count++;
	return true;
}

/* Whoever is not at home moves one slot nearer. */
static void close_hole(struct stream_table *table, uint32_t hole)
{
	uint32_t slot = after(table, hole);
	while (table->slots[slot] && distance(table, slot) > 0) {
		table->slots[hole] = table->slots[slot];
		hole = slot;
		slot = after(table, slot);
	}
	table->slots[hole] = NULL;
}

void stream_table_remove(struct stream_table *table, const struct stream *stream)
{
	uint32_t slot = home_of(table, stream->id);
	while (table->slots[slot] != stream)
		slot = after(table, slot);
	table->count--;
	close_hole(table, slot);
}

struct stream *stream_table_any(const struct stream_table *table)
{
	for (uint32_t i = 0; table->count > 0 && i < table->capacity; i++)
		if (table->slots[i])
			return table->slots[i];
	return NULL;
}

void stream_table_shrink(struct stream_table *table)
{
	if (table->count == 0 && table->capacity > CAPACITY_KEPT)
		stream_table_deinit(table);
}

void stream_table_deinit(struct stream_table *table)
{
	assert(table->count == 0);
	free(table->slots);
	*table = (struct stream_table){.seed = table->seed};
}

/* --- streams ------------------------------------------------------------- */

static struct stream *stream_get(struct transport *transport)
{
	struct stream *stream = transport->spare_streams;
	if (!stream)
		return calloc(1, sizeof(*stream));
	transport->spare_streams = stream->next;
	transport->spare_stream_count--;
	stream->next = NULL;
	return stream;
}

static void stream_put(struct transport *transport, struct stream *stream)
{
	if (transport->spare_stream_count >= SPARE_STREAMS) {
		free(stream);
		return;
	}
	stream->next = transport->spare_streams;
	transport->spare_streams = stream;
	transport->spare_stream_count++;
}

void native_drop_spare(struct transport *transport)
{
	while (transport->spare_streams) {
		struct stream *first = transport->spare_streams;
		transport->spare_streams = first->next;
		free(first);
	}
	transport->spare_stream_count = 0;
}

struct stream *native_stream_open(struct session *session, uint32_t id)
{
	struct transport *transport = session->connection->transport;
	struct stream *stream = stream_get(transport);
	if (!stream)
		return NULL;
	memset(stream, 0, offsetof(struct stream, partial));
	stream->id = id;
	stream->session = session;
	flow_init(&stream->flow, session->peer_stream_credit, LIMIT_STREAM_CREDIT);
	if (!stream_table_add(&session->streams, stream)) {
		stream_put(transport, stream);
		return NULL;
	}
	return stream;
}

void native_stream_close(struct stream *stream)
{
	struct session *session = stream->session;
	native_output_forget(stream);
	stream_table_remove(&session->streams, stream);
	if (stream->partial.data)
		buffer_deinit(&stream->partial);
	session_stream_ended(session, stream);
	stream_put(session->connection->transport, stream);
}
