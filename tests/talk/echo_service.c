#include "tests/talk/echo_service.h"
#include "daemon/rpc/fiber.h"
#include "daemon/worker.h"
#include "echo.prism-server.h"
#include "proto/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

typedef Prism__Test__V1__EchoMessage Message;
typedef Prism__Test__V1__CollectResponse Collected;

static enum status echo(struct call *call, const Message *request, Message *response)
{
	(void)call;
	response->data = request->data;
	return STATUS_OK;
}

SUSPENDS
static enum status expand(struct call *call, const Prism__Test__V1__ExpandRequest *request)
{
	Message message = PRISM__TEST__V1__ECHO_MESSAGE__INIT;
	message.data.len = request->size;
	message.data.data = arena_zalloc(&call->arena, request->size);
	if (!message.data.data)
		return call_no_memory(call);
	for (uint32_t i = 0; i < request->count; i++) {
		if (i > 0 && request->pause_ms > 0)
			TRY(call_pause(call, request->pause_ms));
		if (request->size > 0)
			message.data.data[0] = (uint8_t)i;
		TRY(prism_test_v1_echo_service_expand_send(call, &message));
	}
	if (request->code != STATUS_OK)
		return call_fail(call, status_from_number(request->code), "as you asked");
	return STATUS_OK;
}

SUSPENDS
static enum status collect(struct call *call, Collected *response)
{
	const Message *message;
	for (;;) {
		TRY(prism_test_v1_echo_service_collect_receive(call, &message));
		if (!message)
			return STATUS_OK;
		response->messages++;
		response->bytes += message->data.len;
	}
}

SUSPENDS
static enum status dawdle(struct call *call, Collected *response)
{
	const Message *message;
	for (;;) {
		TRY(prism_test_v1_echo_service_dawdle_receive(call, &message));
		if (!message)
			return STATUS_OK;
		response->messages++;
		response->bytes += message->data.len;
		uint32_t ms = message->data.len > 0 ? message->data.data[0] : 0;
		TRY(call_pause(call, ms == 0xff ? 60000 : ms));
	}
}

SUSPENDS
static enum status chat(struct call *call)
{
	const Message *message;
	for (;;) {
		TRY(prism_test_v1_echo_service_chat_receive(call, &message));
		if (!message)
			return STATUS_OK;
		TRY(prism_test_v1_echo_service_chat_send(call, message));
	}
}

enum { DETAIL_SIZE = 1000 };

/* An Any of so many bytes, with an EchoMessage of zeros in it. */
static struct bytes write_detail(uint8_t room[DETAIL_SIZE])
{
	static const char TYPE[] = "type.googleapis.com/prism.test.v1.EchoMessage";
	enum {
		HEAD = 2,
		LONG_HEAD = 3,
		VALUE = DETAIL_SIZE - HEAD - (sizeof(TYPE) - 1) - LONG_HEAD
	};
	struct writer writer = writer_init(room, DETAIL_SIZE);
	memset(room, 0, DETAIL_SIZE);
	writer_u8(&writer, 1 << 3 | 2);
	writer_varint(&writer, sizeof(TYPE) - 1);
	writer_bytes(&writer, TYPE, sizeof(TYPE) - 1);
	writer_u8(&writer, 2 << 3 | 2);
	writer_varint(&writer, VALUE);
	writer_u8(&writer, 1 << 3 | 2);
	writer_varint(&writer, VALUE - LONG_HEAD);
	return bytes_of(room, DETAIL_SIZE);
}

static enum status add_details(struct call *call, uint32_t count)
{
	uint8_t *room = arena_alloc(&call->arena, DETAIL_SIZE);
	call->details = arena_alloc(&call->arena, count * sizeof(*call->details));
	if (!room || !call->details)
		return call_no_memory(call);
	struct bytes detail = write_detail(room);
	for (uint32_t i = 0; i < count; i++)
		call->details[i] = detail;
	call->detail_count = count;
	return STATUS_OK;
}

static enum status fail(struct call *call, const Prism__Test__V1__FailRequest *request,
                        Message *response)
{
	(void)response;
	enum status status = status_from_number(request->code);
	if (request->details > 0)
		TRY(add_details(call, request->details));
	if (request->message_size == 0)
		return call_fail(call, status, "%s", request->message);
	char *text = arena_alloc(&call->arena, (size_t)request->message_size + 1);
	if (!text)
		return call_no_memory(call);
	memset(text, 'x', request->message_size);
	text[request->message_size] = '\0';
	return call_fail(call, status, "%s", text);
}

SUSPENDS
static enum status wait(struct call *call, const Prism__Test__V1__WaitRequest *request,
                        Message *response)
{
	response->data.len = request->size;
	response->data.data = arena_zalloc(&call->arena, request->size);
	if (!response->data.data)
		return call_no_memory(call);
	return call_pause(call, request->ms);
}

SUSPENDS
static enum status hasten(struct call *call, Message *response)
{
	const Message *message;
	TRY(prism_test_v1_echo_service_hasten_receive(call, &message));
	if (!message)
		return STATUS_OK;
	response->data = message->data;
	return call_pause(call, message->data.len > 0 ? message->data.data[0] : 0);
}

static enum status allocate(struct call *call, const Prism__Test__V1__AllocateRequest *request,
                            Message *response)
{
	(void)response;
	enum { PIECE = 65536 };
	for (uint64_t taken = 0; taken < request->bytes; taken += PIECE)
		if (!arena_alloc(&call->arena, PIECE))
			return call_no_memory(call);
	return STATUS_OK;
}

static enum status block(struct call *call, const Prism__Test__V1__BlockRequest *request,
                         Message *response)
{
	(void)response;
	char byte;
	int fd = open(request->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &byte, 1) != 1)
		return call_fail(call, STATUS_INVALID_ARGUMENT, "%s: %s", request->path,
		                 strerror(errno));
	close(fd);
	return STATUS_OK;
}

static const char *record_path;

void echo_record_to(const char *path)
{
	record_path = path;
}

static uint32_t lines_of(FILE *file)
{
	uint32_t lines = 0;
	rewind(file);
	for (int c; (c = getc(file)) != EOF;)
		lines += c == '\n';
	return lines;
}

static enum status record(struct call *call, const Prism__Test__V1__RecordRequest *request,
                          Message *response)
{
	(void)response;
	FILE *file = record_path ? fopen(record_path, "a+") : NULL;
	if (!file)
		return call_fail(call, STATUS_FAILED_PRECONDITION, "there is no --record file");
	fprintf(file, "%s %s\n", request->request_id, request->text);
	bool crash = lines_of(file) <= request->crashes;
	fclose(file);
	if (crash)
		raise(SIGKILL);
	return STATUS_OK;
}

static uint64_t failed(const struct rpc *rpc)
{
	uint64_t sum = 0;
	for (size_t route = 0; route <= rpc->route_count; route++)
		for (size_t status = STATUS_OK + 1; status < STATUS_COUNT; status++)
			sum += rpc->counters[route].handled[status];
	return sum;
}

static enum status count(struct call *call, const Prism__Test__V1__CountRequest *request,
                         Prism__Test__V1__CountResponse *response)
{
	const struct worker *worker = call->rpc->ctx;
	const struct transport_counters *counters = &worker->transport.counters;
	response->calls = call->rpc->live;
	response->running = call->rpc->running;
	response->connections = worker->transport.connection_count;
	response->fibers = fiber_alive();
	if (request->fault < TRANSPORT_FAULTS_MAX)
		response->faults = counters->http2_faults[request->fault];
	response->gzip_bombs = counters->gzip_bombs;
	response->stream_stalls = counters->stream_stalls;
	response->header_bombs = counters->header_bombs;
	response->write_stalls = counters->write_stalls;
	response->preface_timeouts = counters->preface_timeouts;
	response->accepted = counters->accepted;
	response->failed = failed(call->rpc);
	response->worker = call->id >> RPC_ID_BITS;
	return STATUS_OK;
}

struct service echo_service(void)
{
	static const struct prism_test_v1_echo_service_handlers handlers = {
		.echo = echo,
		.expand = expand,
		.collect = collect,
		.chat = chat,
		.fail = fail,
		.wait = wait,
		.dawdle = dawdle,
		.hasten = hasten,
		.allocate = allocate,
		.small = echo,
		.record = record,
		.record_once = record,
		.count = count,
		.block = block,
	};
	return prism_test_v1_echo_service(&handlers);
}
