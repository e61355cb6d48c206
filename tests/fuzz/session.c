/* A client may send any bytes: for each input a worker with the echo service, on this thread, over
 * a unix socket. Whatever came, nothing is left when the client has gone.
 *
 * The first byte says how: bit 7 set: the input brings its own preface and HELLO; the others: in
 * pieces of so many bytes (0: all at once), with a turn of the loop after each. */
#include "daemon/rpc/fiber.h"
#include "daemon/worker.h"
#include "tests/fuzz/target.h"
#include "tests/talk/echo_service.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS = 4 }; /* until what was sent has been read, on loopback */

static struct service services[1];
static struct router *router;
static struct listen_address listen_address;
static struct server_settings settings;

static struct worker *worker_begin(void)
{
	struct address address;
	char text[64], fault[ADDRESS_MESSAGE_SIZE], message[SERVER_MESSAGE_SIZE];
	snprintf(text, sizeof(text), "unix:/tmp/prism-fuzz-%d", getpid());
	signal(SIGPIPE, SIG_IGN);
	services[0] = echo_service();
	MUST(router_new(&router, services, 1, message));
	MUST(address_parse(text, &address, fault));
	MUST(listen_address_bind(&listen_address, &address, &(struct listen_options){0}, fault));
	settings.addresses = &listen_address.address;
	settings.address_count = 1;
	settings.transport.agent = "fuzz";
	int fd = listen_address_socket(&listen_address, fault);
	struct worker *worker = worker_new(&settings, router, &fd, message);
	MUST(worker);
	return worker;
}

/* Asserts that nothing is left. */
static void worker_end(struct worker *worker)
{
	worker_free(worker);
	listen_address_release(&listen_address);
	router_free(router);
}

static void turns(struct worker *worker, int count)
{
	while (count-- > 0)
		uv_run(&worker->loop, UV_RUN_NOWAIT);
}

static int dial(void)
{
	const struct address *address = &listen_address.address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(fd >= 0 && connect(fd, &address->any, address->len) == 0);
	return fd;
}

/* What the server has to say is read and dropped. */
static void drain(int fd)
{
	char sink[65536];
	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		continue;
}

static void send_pieces(struct worker *worker, int fd, const uint8_t *data, size_t len,
                        size_t piece)
{
	if (piece == 0)
		piece = len;
	for (size_t at = 0; at < len; at += piece) {
		size_t now = len - at < piece ? len - at : piece;
		if (send(fd, data + at, now, MSG_DONTWAIT) <= 0)
			return;
		turns(worker, 1);
		drain(fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t greeting[] = {0x8e, 'R', 'P', 'C', 1, 1, 0, 0, 0, 0,
	                                   0,    0,   1,   0,   0, 0, 0, 0, 0, 0};
	if (len == 0)
		return 0;
	struct worker *worker = worker_begin();
	int fd = dial();
	if (!(data[0] & 0x80))
		MUST(send(fd, greeting, sizeof(greeting), 0) == sizeof(greeting));
	turns(worker, 1);
	send_pieces(worker, fd, data + 1, len - 1, data[0] & 0x7f);
	turns(worker, TURNS);
	drain(fd);
	close(fd);
	while (worker->transport.connection_count > 0 || worker->rpc.live > 0)
		turns(worker, 1);
	MUST(fiber_alive() == 0 && worker->rpc.running == 0);
	worker_end(worker);
	return 0;
}
