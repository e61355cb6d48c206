/* prismd-echo: the server with the test service, without a database.
 *
 * prismd-echo [--listen ADDRESS]... [--workers N] [--preface-ms N] [--stall-ms N] [--drain-ms N]
 *             [--connections N] [--unit-ms N] [--keepalive-ms N] [--pong-ms N] [--idle-ms N]
 * [--age-ms N]
 *             [--grace-ms N] [--tcp-keepalive-ms N] [--tcp-user-ms N] [--record FILE] */
#include "daemon/admin/reflection.h"
#include "daemon/server.h"
#include "daemon/signals.h"
#include "daemon/watchdog.h"
#include "tests/talk/echo_service.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct echo {
	struct address addresses[SERVER_ADDRESSES_MAX];
	struct service services[4];
	struct server_settings settings;
	uint32_t drain_ms;
	struct server *server;
	struct signals signals;
	struct watchdog watchdog;
};

static bool set_number(struct echo *echo, const char *name, uint32_t value)
{
	struct server_settings *settings = &echo->settings;
	const struct {
		const char *name;
		uint32_t *value;
	} numbers[] = {
		{"--workers", &settings->workers},
		{"--drain-ms", &echo->drain_ms},
		{"--preface-ms", &settings->transport.preface_ms},
		{"--stall-ms", &settings->transport.write_stall_ms},
		{"--connections", &settings->transport.connection_limit},
		{"--unit-ms", &settings->transport.unit_ms},
		{"--keepalive-ms", &settings->transport.keepalive_ms},
		{"--pong-ms", &settings->transport.pong_ms},
		{"--idle-ms", &settings->transport.idle_ms},
		{"--age-ms", &settings->transport.age_ms},
		{"--grace-ms", &settings->transport.grace_ms},
		{"--tcp-keepalive-ms", &settings->listen.keepalive_ms},
		{"--tcp-user-ms", &settings->listen.user_timeout_ms},
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(name, numbers[i].name) != 0)
			continue;
		*numbers[i].value = value;
		return true;
	}
	return false;
}

static bool set_option(struct echo *echo, const char *name, const char *value)
{
	char message[ADDRESS_MESSAGE_SIZE];
	size_t *count = &echo->settings.address_count;
	if (strcmp(name, "--record") == 0) {
		echo_record_to(value);
		return true;
	}
	if (strcmp(name, "--listen") != 0)
		return set_number(echo, name, (uint32_t)strtoul(value, NULL, 10));
	if (*count == SERVER_ADDRESSES_MAX)
		return false;
	if (address_parse(value, &echo->addresses[*count], message)) {
		++*count;
		return true;
	}
	fprintf(stderr, "%s\n", message);
	return false;
}

static void on_term(void *ctx, bool again)
{
	struct echo *echo = ctx;
	if (again)
		server_abort(echo->server);
	else
		server_drain(echo->server, echo->drain_ms);
}

static void on_stopped(void *ctx)
{
	struct echo *echo = ctx;
	signals_close(&echo->signals);
	watchdog_close(&echo->watchdog);
	server_free(echo->server);
}

static bool turns(void *ctx)
{
	return server_turns(((struct echo *)ctx)->server);
}

static void on_note(void *ctx, const struct peer *peer, const char *message)
{
	(void)ctx;
	fprintf(stderr, "%s: %s\n", peer ? peer->address : "-", message);
}

static void say_ready(const struct server *server)
{
	char text[ADDRESS_TEXT_SIZE];
	printf("prismd-echo ready");
	for (size_t i = 0; i < server_address_count(server); i++) {
		address_format(server_address(server, i), text);
		printf(" %s", text);
	}
	printf("\n");
	fflush(stdout);
}

static int serve(struct echo *echo)
{
	char message[SERVER_MESSAGE_SIZE];
	uv_loop_t loop;
	uv_loop_init(&loop);
	if (server_start(&echo->server, &loop, &echo->settings, message)) {
		signals_open(&echo->signals, &loop,
		             &(struct signal_actions){.stop = on_term, .ctx = echo});
		watchdog_open(&echo->watchdog, &loop, turns, echo);
		say_ready(echo->server);
	} else {
		fprintf(stderr, "prismd-echo: %s\n", message);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	int closed = uv_loop_close(&loop);
	assert(closed == 0);
	(void)closed;
	return echo->server ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct echo echo;
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && set_option(&echo, argv[i], argv[i + 1]))
			continue;
		fprintf(stderr, "prismd-echo: bad argument %s\n", argv[i]);
		return 2;
	}
	if (echo.settings.address_count == 0)
		(void)set_option(&echo, "--listen", "127.0.0.1:0");
	echo.services[0] = echo_service();
	echo.services[1] = interop_service();
	echo.services[2] = reflection_service();
	echo.services[3] = reflection_alpha_service();
	echo.settings.addresses = echo.addresses;
	echo.settings.services = echo.services;
	echo.settings.service_count = sizeof(echo.services) / sizeof(*echo.services);
	echo.settings.transport.agent = "prismd-echo/" PRISM_VERSION;
	echo.settings.transport.note = on_note;
	echo.settings.stopped = on_stopped;
	echo.settings.ctx = &echo;
	if (echo.settings.workers == 0)
		echo.settings.workers = 1;
	if (echo.drain_ms == 0)
		echo.drain_ms = 10000;
	return serve(&echo);
}
