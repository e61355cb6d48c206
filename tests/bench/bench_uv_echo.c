/* bench_uv_echo - the floor: a raw libuv TCP server that sends back what it reads, and nothing
 * else. Listens on 127.0.0.1, on a port that the system picks, and says which. Ends on SIGTERM. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { READ_SIZE = 65536, BACKLOG = 1024 };

static char read_buffer[READ_SIZE];

/* Bytes that the socket did not take at once. */
struct rest {
	uv_write_t request;
	char bytes[];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)handle;
	(void)suggested;
	*out = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_written(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static void write_rest(uv_stream_t *stream, const char *bytes, size_t len)
{
	struct rest *rest = malloc(sizeof *rest + len);
	if (!rest)
		abort();
	memcpy(rest->bytes, bytes, len);
	uv_buf_t out = uv_buf_init(rest->bytes, (unsigned)len);
	if (uv_write(&rest->request, stream, &out, 1, on_written) != 0)
		free(rest);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	if (got < 0) {
		uv_close((uv_handle_t *)stream, on_closed);
		return;
	}
	uv_buf_t out = uv_buf_init(buffer->base, (unsigned)got);
	int sent = got > 0 ? uv_try_write(stream, &out, 1) : 0;
	if (sent < 0)
		sent = 0;
	if (sent < got)
		write_rest(stream, buffer->base + sent, (size_t)(got - sent));
}

static void on_connection(uv_stream_t *server, int status)
{
	uv_tcp_t *client = status == 0 ? malloc(sizeof *client) : NULL;
	if (!client)
		return;
	uv_tcp_init(server->loop, client);
	if (uv_accept(server, (uv_stream_t *)client) == 0) {
		uv_tcp_nodelay(client, 1);
		uv_read_start((uv_stream_t *)client, on_alloc, on_read);
	} else {
		uv_close((uv_handle_t *)client, on_closed);
	}
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	uv_stop(signal->loop);
}

static int listen_anywhere(uv_tcp_t *server)
{
	struct sockaddr_in address;
	int len = sizeof address;
	uv_ip4_addr("127.0.0.1", 0, &address);
	int error = uv_tcp_bind(server, (struct sockaddr *)&address, 0);
	if (error == 0)
		error = uv_listen((uv_stream_t *)server, BACKLOG, on_connection);
	if (error == 0)
		error = uv_tcp_getsockname(server, (struct sockaddr *)&address, &len);
	if (error == 0)
		printf("bench_uv_echo is ready on 127.0.0.1:%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return error;
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t server;
	uv_signal_t signal;
	uv_tcp_init(loop, &server);
	uv_signal_init(loop, &signal);
	uv_signal_start(&signal, on_signal, SIGTERM);
	int error = listen_anywhere(&server);
	if (error != 0) {
		fprintf(stderr, "bench_uv_echo: cannot listen: %s\n", uv_strerror(error));
		return 1;
	}
	uv_run(loop, UV_RUN_DEFAULT);
	return 0;
}
