/* Every allocation of a worker fails once, and each with all that follow: a call is refused or its
 * connection closed; nothing is left, and the next conversation goes as if nothing had been. */
#include "daemon/rpc/fiber.h"
#include "daemon/worker.h"
#include "tests/support/program.h"
#include "tests/talk/echo_service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TURNS = 12, SAID_MAX = 600000, NEVER = -1 };

/* --- a heap that fails ------------------------------------------------------ */

static int allocations, fail_at = NEVER;
static bool fail_on;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void)
{
	int number = allocations++;
	return fail_at != NEVER && (number == fail_at || (fail_on && number > fail_at));
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

static void heap_fails(int at, bool on)
{
	allocations = 0;
	fail_at = at;
	fail_on = on;
}

/* --- a worker on this thread -------------------------------------------------- */

static char directory[64];
static struct service services[1];
static struct router *router;
static struct listen_address listen_address;
static struct server_settings settings;
static struct worker *worker;

static void worker_begin(void)
{
	char fault[ADDRESS_MESSAGE_SIZE], message[SERVER_MESSAGE_SIZE] = "";
	int fd = listen_address_socket(&listen_address, fault);
	assert_true(fd >= 0);
	worker = worker_new(&settings, router, &fd, message);
	assert_true(worker || message[0]);
}

static int group_setup(void **state)
{
	(void)state;
	char text[80], fault[ADDRESS_MESSAGE_SIZE];
	struct address address;
	services[0] = echo_service();
	assert_true(router_new(&router, services, 1, fault));
	directory_make(directory);
	snprintf(text, sizeof(text), "unix:%s/s", directory);
	assert_true(address_parse(text, &address, fault));
	assert_true(
		listen_address_bind(&listen_address, &address, &(struct listen_options){0}, fault));
	settings.addresses = &listen_address.address;
	settings.address_count = 1;
	settings.transport.agent = "heap";
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	listen_address_release(&listen_address);
	router_free(router);
	directory_remove(directory);
	return 0;
}

static void turns(int count)
{
	while (count-- > 0)
		uv_run(&worker->loop, UV_RUN_NOWAIT);
}

/* --- the conversation ----------------------------------------------------------- */

static uint8_t said[SAID_MAX], heard[SAID_MAX];

static void say(struct writer *writer, enum frame_type type, uint8_t flags, uint32_t stream,
                const char *meta, size_t body)
{
	size_t meta_len = strlen(meta);
	frame_header_write(writer, type, flags, stream, meta_len, body);
	writer_bytes(writer, meta, meta_len);
	for (size_t i = 0; i < body; i++)
		writer_u8(writer, i == 0 ? 0x0a : i == 1 ? (uint8_t)(body - 2) : 'x');
}

#define PATH "\x0a\x1f/prism.test.v1.EchoService/"

/* Every kind of memory is needed: table, paths, token, parts of messages, answers that wait. */
static size_t compose(void)
{
	struct writer writer = writer_init(said, sizeof(said));
	preface_write(writer.at, 1, 1);
	writer.at += PREFACE_SIZE;
	say(&writer, FRAME_HELLO, 0, 0, "\x5a\x03key", 0);
	say(&writer, FRAME_CALL, FRAME_CLOSE, 1, PATH "Echo\x10\x01", 100);
	say(&writer, FRAME_CALL, FRAME_NOMSG, 3, PATH "Chat", 0);
	for (uint32_t stream = 5; stream < 45; stream += 2)
		say(&writer, FRAME_CALL, FRAME_MORE, stream, "\x10\x01", 50);
	say(&writer, FRAME_MSG, 0, 3, "", 100);
	say(&writer, FRAME_MSG, FRAME_MORE, 5, "", 60);
	frame_header_write(&writer, FRAME_CALL, FRAME_CLOSE, 45,
	                   strlen("\x0a\x21/prism.test.v1.EchoService/Expand"), 6);
	writer_bytes(&writer, "\x0a\x21/prism.test.v1.EchoService/Expand", 35);
	writer_bytes(&writer, "\x08\x02\x10\xc0\xcf\x24", 6); /* 2 x 600,000 bytes */
	say(&writer, FRAME_PING, 0, 0, "", 8);
	assert_false(writer.failed);
	return (size_t)(writer.at - said);
}

/* --- the same over HTTP/2 ---------------------------------------------------------- */

static void say_h2(struct writer *writer, uint8_t type, uint8_t flags, uint32_t stream,
                   struct bytes payload)
{
	writer_u8(writer, 0);
	writer_u16(writer, (uint16_t)payload.len);
	writer_u8(writer, type);
	writer_u8(writer, flags);
	writer_u32(writer, stream);
	writer_bytes(writer, payload.data, payload.len);
}

/* Literals that the decompressor is to keep (RFC 7541, 6.2.1), each with a new name. */
static void add_field(struct writer *block, const char *name, const char *value)
{
	writer_u8(block, 0x40);
	writer_u8(block, (uint8_t)strlen(name));
	writer_bytes(block, name, strlen(name));
	writer_u8(block, (uint8_t)strlen(value));
	writer_bytes(block, value, strlen(value));
}

static void say_request(struct writer *writer, uint32_t stream, const char *path,
                        const char *content_type, const char *metadata)
{
	uint8_t room[512];
	struct writer block = writer_init(room, sizeof(room));
	add_field(&block, ":method", "POST");
	add_field(&block, ":scheme", "http");
	add_field(&block, ":path", path);
	add_field(&block, ":authority", "heap");
	add_field(&block, "content-type", content_type);
	add_field(&block, "grpc-timeout", "50S");
	add_field(&block, "x-thing-bin", metadata);
	assert_false(block.failed);
	say_h2(writer, 1, 4, stream, bytes_of(room, (size_t)(block.at - room)));
}

#define ECHO_PATH "/prism.test.v1.EchoService/"
#define SAY_DATA(writer, flags, stream, text) \
	say_h2(writer, 0, flags, stream, bytes_of(text, sizeof(text) - 1))

/* Heads, metadata, parts of messages, compressed ones, JSON, errors, answers that wait. */
static size_t compose_http2(void)
{
	static const char MAGIC[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	struct writer writer = writer_init(said, sizeof(said));
	writer_bytes(&writer, MAGIC, sizeof(MAGIC) - 1);
	say_h2(&writer, 4, 0, 0, bytes_of(NULL, 0));
	say_request(&writer, 1, ECHO_PATH "Echo", "application/grpc", "AAEC");
	SAY_DATA(&writer, 1, 1, "\0\0\0\0\4\x0a\2hi");
	say_request(&writer, 3, ECHO_PATH "Chat", "application/grpc", "AAEC,AA");
	SAY_DATA(&writer, 0, 3, "\0\0\0\0\4\x0a\2hi\0\0\0\1\0\x0a\x7f");
	say_request(&writer, 5, ECHO_PATH "Fail", "application/grpc", "");
	SAY_DATA(&writer, 1, 5, "\0\0\0\0\7\x08\5\x12\1!\x20\2");
	say_request(&writer, 7, ECHO_PATH "Echo", "application/json", "");
	SAY_DATA(&writer, 1, 7, "{\"data\": \"aGk=\"}");
	say_request(&writer, 9, ECHO_PATH "Fail", "application/json", "");
	SAY_DATA(&writer, 1, 9, "{\"code\": 5, \"message\": \"no\"}");
	say_request(&writer, 11, ECHO_PATH "Nope", "application/grpc", "");
	say_request(&writer, 13, ECHO_PATH "Echo", "text/plain", "");
	say_request(&writer, 15, ECHO_PATH "Expand", "application/grpc", "");
	SAY_DATA(&writer, 1, 15, "\0\0\0\0\6\x08\2\x10\xc0\xcf\x24");
	say_h2(&writer, 6, 0, 0, bytes_of("12345678", 8));
	assert_false(writer.failed);
	return (size_t)(writer.at - said);
}

static size_t (*composed)(void) = compose;

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, &listen_address.address.any, listen_address.address.len), 0);
	return fd;
}

/* Returns how many bytes were answered. */
static size_t converse(int at, bool on)
{
	size_t len = composed(), got = 0;
	int fd = dial();
	heap_fails(at, on);
	for (size_t sent = 0; sent < len; sent += 500) {
		size_t now = len - sent < 500 ? len - sent : 500;
		if (send(fd, said + sent, now, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)now)
			break;
		turns(1);
	}
	turns(TURNS);
	fail_at = NEVER;
	for (ssize_t now;
	     got < SAID_MAX && (now = recv(fd, heard + got, SAID_MAX - got, MSG_DONTWAIT)) > 0;)
		got += (size_t)now;
	close(fd);
	turns(2);
	while (timeout_armed(&worker->listeners[0].retry) ||
	       worker->transport.connection_count > 0 || worker->rpc.live > 0)
		turns(1);
	assert_int_equal(fiber_alive(), 0);
	return got;
}

static void sweep(bool on)
{
	bool reached = true;
	for (int at = 0; reached; at++) {
		worker_begin();
		size_t got = converse(at, on);
		reached = allocations > at;
		assert_true(reached || got > 60000);
		assert_true(converse(NEVER, false) > 60000);
		worker_free(worker);
	}
}

static void test_one_failure(void **state)
{
	(void)state;
	sweep(false);
}

static void test_http2_one_failure(void **state)
{
	(void)state;
	composed = compose_http2;
	sweep(false);
	composed = compose;
}

static void test_http2_failures_from_then_on(void **state)
{
	(void)state;
	composed = compose_http2;
	sweep(true);
	composed = compose;
}

static void test_failures_from_then_on(void **state)
{
	(void)state;
	sweep(true);
}

static void test_no_worker(void **state)
{
	(void)state;
	for (int at = 0;; at++) {
		heap_fails(at, false);
		worker_begin();
		bool reached = allocations > at;
		heap_fails(NEVER, false);
		worker_free(worker);
		if (!reached)
			return;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_worker),
		cmocka_unit_test(test_one_failure),
		cmocka_unit_test(test_failures_from_then_on),
		cmocka_unit_test(test_http2_one_failure),
		cmocka_unit_test(test_http2_failures_from_then_on),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
