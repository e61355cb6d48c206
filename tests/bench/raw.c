/* Plain bytes, echoed by bench_uv_echo: the floor that a framing is measured against. Answers come
 * in order, so a call is found by its turn. */
#include "tests/bench/load.h"

static bool raw_prepare(struct load *load)
{
	(void)load;
	return true;
}

static bool raw_open(struct connection *connection, char message[LOAD_MESSAGE_SIZE])
{
	(void)connection;
	(void)message;
	return true;
}

static bool raw_room(const struct connection *connection)
{
	(void)connection;
	return true;
}

static bool raw_send(struct connection *connection, uint64_t started_ns)
{
	struct load *load = connection->load;
	uint8_t *room = buffer_reserve(&connection->out, load->workload->body_max);
	if (!room)
		return false;
	struct writer writer = writer_init(room, load->workload->body_max);
	struct slot *slot = &connection->slots[connection->next_stream & load->slot_mask];
	slot->asked = workload_write(load->workload, &writer);
	slot->started_ns = started_ns;
	connection->out.end += (size_t)(writer.at - room);
	connection->next_stream++;
	return true;
}

static bool raw_receive(struct connection *connection, uint64_t now)
{
	struct load *load = connection->load;
	size_t size = load->workload->body_max;
	while (buffer_len(&connection->in) >= size) {
		struct bytes answer = {connection->in.data + connection->in.start, size};
		struct slot *slot = &connection->slots[connection->next_answer & load->slot_mask];
		connection->next_answer++;
		connection->in_flight--;
		load_answer(load, slot, now, STATUS_OK, (struct bytes){0},
		            workload_right(load->workload, slot->asked, answer));
		buffer_consume(&connection->in, size);
	}
	return true;
}

const struct protocol PROTOCOL_RAW = {raw_prepare, raw_open, raw_room, raw_send, raw_receive, NULL};
