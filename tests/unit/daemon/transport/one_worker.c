#include "tests/unit/daemon/transport/one_worker.h"

#include "daemon/admin/health.h"
#include "daemon/rpc/fiber.h"
#include "daemon/transport/connection.h"
#include "tests/talk/echo_service.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SETTLE_TURNS = 10000, FRAME_MAX_SIZE = 1024 };

struct worker *worker;
static struct service services[2];
static struct router *router;
static struct listen_address listen_address;
static struct server_settings settings;

static bool parts_open(struct rpc *rpc, void *ctx, char message[SERVER_MESSAGE_SIZE])
{
	(void)ctx;
	(void)message;
	return health_new(&rpc->health, router);
}

static void parts_close(struct rpc *rpc, void *ctx)
{
	(void)ctx;
	health_free(rpc->health);
}

int one_worker_setup(void **state)
{
	(void)state;
	char fault[ADDRESS_MESSAGE_SIZE], message[SERVER_MESSAGE_SIZE];
	struct address address;
	services[0] = echo_service();
	services[1] = health_service();
	assert_true(router_new(&router, services, 2, fault));
	assert_true(address_parse("127.0.0.1:0", &address, fault));
	assert_true(
		listen_address_bind(&listen_address, &address, &(struct listen_options){0}, fault));
	settings = (struct server_settings){.addresses = &listen_address.address,
	                                    .address_count = 1,
	                                    .transport = {.agent = "one worker"},
	                                    .parts = {.open = parts_open, .close = parts_close}};
	int fd = listen_address_socket(&listen_address, fault);
	assert_true(fd >= 0);
	worker = worker_new(&settings, router, &fd, message);
	assert_non_null(worker);
	return 0;
}

int one_worker_teardown(void **state)
{
	(void)state;
	for (int i = 0;
	     i < SETTLE_TURNS && worker->transport.connection_count + worker->rpc.live > 0; i++)
		uv_run(&worker->loop, UV_RUN_NOWAIT);
	assert_int_equal(worker->transport.connection_count, 0);
	assert_int_equal(worker->rpc.live, 0);
	assert_int_equal(fiber_alive(), 0);
	worker_free(worker);
	listen_address_release(&listen_address);
	router_free(router);
	return 0;
}

void one_worker_turns(int count)
{
	while (count-- > 0)
		uv_run(&worker->loop, UV_RUN_NOWAIT);
}

static int connect_with(int receive_buffer)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (receive_buffer > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	assert_int_equal(connect(fd, &listen_address.address.any, listen_address.address.len), 0);
	return fd;
}

int one_worker_connect(void)
{
	return connect_with(0);
}

int one_worker_dial(int receive_buffer)
{
	uint64_t before = worker->transport.counters.accepted;
	int fd = connect_with(receive_buffer);
	while (worker->transport.counters.accepted == before)
		uv_run(&worker->loop, UV_RUN_ONCE);
	return fd;
}

void one_worker_say(int fd, struct bytes bytes)
{
	uint64_t before = worker->transport.counters.bytes_in;
	for (size_t sent = 0; worker->transport.counters.bytes_in < before + bytes.len;) {
		ssize_t now =
			send(fd, bytes.data + sent, bytes.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += now > 0 ? (size_t)now : 0;
		one_worker_turns(1);
	}
}

void one_worker_greet(int fd, const struct hello *hello)
{
	uint8_t said[FRAME_MAX_SIZE];
	size_t len = hello_size(hello);
	struct writer writer = writer_init(said, sizeof(said));
	preface_write(writer.at, FRAME_VERSION, FRAME_VERSION);
	writer.at += PREFACE_SIZE;
	frame_header_write(&writer, FRAME_HELLO, 0, 0, len, 0);
	hello_write(&writer, hello);
	one_worker_say(fd, bytes_of(said, (size_t)(writer.at - said)));
	while (one_worker_hear(fd, FRAME_MAX_SIZE) == 0)
		one_worker_turns(1);
}

void one_worker_call(int fd, uint32_t stream, const char *method, struct bytes body)
{
	char path[128];
	snprintf(path, sizeof(path), "/prism.test.v1.EchoService/%s", method);
	one_worker_call_path(fd, stream, path, body);
}

void one_worker_call_path(int fd, uint32_t stream, const char *path, struct bytes body)
{
	uint8_t said[FRAME_MAX_SIZE];
	struct call_meta meta = {.path = bytes_of_string(path)};
	struct writer writer = writer_init(said, sizeof(said));
	frame_header_write(&writer, FRAME_CALL, FRAME_CLOSE, stream, call_meta_size(&meta, NULL, 0),
	                   body.len);
	call_meta_write(&writer, &meta, NULL, 0);
	writer_bytes(&writer, body.data, body.len);
	assert_false(writer.failed);
	one_worker_say(fd, bytes_of(said, (size_t)(writer.at - said)));
}

void one_worker_grant(int fd, uint32_t stream, uint32_t increment)
{
	uint8_t said[FRAME_HEADER_SIZE + sizeof(increment)];
	struct writer writer = writer_init(said, sizeof(said));
	frame_header_write(&writer, FRAME_CREDIT, 0, stream, 0, sizeof(increment));
	writer_u32(&writer, increment);
	one_worker_say(fd, bytes_of(said, sizeof(said)));
}

size_t one_worker_hear(int fd, size_t most)
{
	static uint8_t dropped[65536];
	size_t heard = 0;
	while (heard < most) {
		size_t left = most - heard;
		ssize_t now = recv(fd, dropped, left < sizeof(dropped) ? left : sizeof(dropped),
		                   MSG_DONTWAIT);
		if (now <= 0)
			break;
		heard += (size_t)now;
	}
	return heard;
}

struct connection *one_worker_connection(void)
{
	assert_non_null(worker->transport.connections);
	return worker->transport.connections;
}
