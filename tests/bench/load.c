#include "tests/bench/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, SLOTS_MIN = 64, SLOTS_PER_CALL = 16 };

static const uint64_t SECOND_NS = 1000000000u;
static const uint64_t DRAIN_NS = 5 * SECOND_NS; /* longest wait for answers that are due */

uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* --- beginning and end -------------------------------------------------------- */

/* Answers may overtake each other; a slot stays taken until its own came, so there are more slots
 * than calls. */
static uint32_t slot_mask_for(uint32_t in_flight)
{
	uint32_t slots = SLOTS_MIN;
	while (slots < in_flight * SLOTS_PER_CALL)
		slots *= 2;
	return slots - 1;
}

static void name_report(struct load *load)
{
	const struct load_options *options = &load->options;
	load->report.title = options->raw ? "raw bytes" : options->method;
	load->report.connections = options->connections;
	load->report.in_flight = options->in_flight;
	load->report.offered_per_second = options->rate;
	load->report.duration_ns = options->duration_ns;
	load->report.usage.server = options->server;
	load->report.usage.postmaster = options->postmaster;
}

bool load_open(struct load *load)
{
	const struct load_options *options = &load->options;
	name_report(load);
	load->protocol = options->raw    ? &PROTOCOL_RAW
	                 : options->grpc ? &PROTOCOL_GRPC
	                                 : &PROTOCOL_NATIVE;
	load->slot_mask = slot_mask_for(options->in_flight);
	load->connections = calloc(options->connections, sizeof *load->connections);
	load->dirty = calloc(options->connections, sizeof(struct connection *));
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!load->connections || !load->dirty || load->epoll < 0 ||
	    !load->protocol->prepare(load)) {
		snprintf(load->message, sizeof load->message, "cannot begin: %s", strerror(errno));
		return false;
	}
	for (uint32_t i = 0; i < options->connections; i++)
		load->connections[i].fd = -1;
	for (uint32_t i = 0; i < options->connections; i++)
		if (!connection_open(&load->connections[i], load))
			return false;
	return true;
}

void load_close(struct load *load)
{
	for (uint32_t i = 0; load->connections && i < load->options.connections; i++)
		connection_close(&load->connections[i]);
	free(load->connections);
	free(load->dirty);
	buffer_deinit(&load->first_meta);
	buffer_deinit(&load->meta);
	if (load->epoll > 0)
		close(load->epoll);
}

/* --- what came of a call -------------------------------------------------------- */

static void note_error(struct load *load, enum status status, struct bytes message)
{
	load->report.errors[status]++;
	if (load->report.first_error[0] == 0)
		snprintf(load->report.first_error, sizeof load->report.first_error, "%s: %.*s",
		         status_name(status), (int)message.len, (const char *)message.data);
}

void load_answer(struct load *load, const struct slot *slot, uint64_t now, enum status status,
                 struct bytes message, bool right)
{
	if (status != STATUS_OK)
		note_error(load, status, message);
	else if (!right)
		load->report.wrong++;
	else {
		bool open_loop = load->options.rate > 0;
		bool finished = now >= load->begin_ns && now < load->end_ns;
		bool started =
			slot->started_ns >= load->begin_ns && slot->started_ns < load->end_ns;
		load->report.finished += finished;
		if (open_loop ? started : finished)
			histogram_record(&load->report.latency, now - slot->started_ns);
	}
}

bool load_broken(struct load *load, const char *what)
{
	snprintf(load->message, sizeof load->message, "the server broke the protocol: %s", what);
	return false;
}

/* --- sending ---------------------------------------------------------------------- */

static bool has_room(const struct connection *connection)
{
	const struct load *load = connection->load;
	return connection->in_flight < load->options.in_flight && load->protocol->room(connection);
}

static bool send_call(struct connection *connection, uint64_t started_ns)
{
	struct load *load = connection->load;
	if (!load->protocol->send(connection, started_ns)) {
		snprintf(load->message, sizeof load->message, "out of memory or of stream ids");
		return false;
	}
	connection->in_flight++;
	connection_touch(connection);
	return true;
}

static bool top_up(struct connection *connection, uint64_t now)
{
	while (has_room(connection))
		if (!send_call(connection, now))
			return false;
	return true;
}

static struct connection *next_with_room(struct load *load)
{
	for (uint32_t i = 0; i < load->options.connections; i++) {
		struct connection *connection = &load->connections[load->turn];
		load->turn = load->turn + 1 < load->options.connections ? load->turn + 1 : 0;
		if (has_room(connection))
			return connection;
	}
	return NULL;
}

static uint64_t arrival_ns(const struct load *load)
{
	double offset = (double)load->arrivals * (double)SECOND_NS / load->options.rate;
	return load->first_arrival_ns + (uint64_t)offset;
}

/* Sends the calls whose time has come. Those that find no room wait, and their latency grows. */
static bool send_arrivals(struct load *load, uint64_t now)
{
	uint64_t until = now < load->end_ns ? now : load->end_ns - 1;
	for (uint64_t due; (due = arrival_ns(load)) <= until; load->arrivals++) {
		struct connection *connection = next_with_room(load);
		if (!connection)
			return true;
		if (!send_call(connection, due))
			return false;
	}
	return true;
}

/* --- the loop --------------------------------------------------------------------- */

static bool flush(struct load *load)
{
	while (load->dirty_count > 0) {
		struct connection *connection = load->dirty[--load->dirty_count];
		connection->dirty = false;
		if (!connection->wants_output && !connection_flush(connection))
			return false;
	}
	return true;
}

static bool any_in_flight(const struct load *load)
{
	for (uint32_t i = 0; i < load->options.connections; i++)
		if (load->connections[i].in_flight > 0)
			return true;
	return false;
}

static bool is_drained(const struct load *load, uint64_t now)
{
	bool waiting = any_in_flight(load) || arrival_ns(load) < load->end_ns;
	return load->options.rate == 0 || !waiting || now >= load->end_ns + DRAIN_NS;
}

static void advance(struct load *load, uint64_t now)
{
	if (load->phase == LOAD_WARMUP && now >= load->begin_ns) {
		load->phase = LOAD_MEASURE;
		usage_take(&load->report.usage);
		/* The measured time starts after /proc was read, and lasts as long as was asked. */
		load->begin_ns = now_ns();
		load->end_ns = load->begin_ns + load->options.duration_ns;
	}
	if (load->phase == LOAD_MEASURE && now >= load->end_ns) {
		load->phase = LOAD_DRAIN;
		usage_take(&load->report.usage);
	}
	if (load->phase == LOAD_DRAIN && is_drained(load, now))
		load->phase = LOAD_ENDED;
}

static struct timespec time_to_wait(const struct load *load, uint64_t now)
{
	uint64_t until = load->phase == LOAD_WARMUP  ? load->begin_ns
	                 : load->phase == LOAD_DRAIN ? load->end_ns + DRAIN_NS
	                                             : load->end_ns;
	uint64_t due = load->options.rate > 0 ? arrival_ns(load) : until;
	if (due > now && due < until)
		until = due;
	uint64_t wait = until > now ? until - now : 0;
	return (struct timespec){(time_t)(wait / SECOND_NS), (long)(wait % SECOND_NS)};
}

static bool handle(struct load *load, struct connection *connection, uint32_t events)
{
	if (events & EPOLLOUT && !connection_flush(connection))
		return false;
	if (events & ~(uint32_t)EPOLLOUT && !connection_input(connection))
		return false;
	bool closed_loop = load->options.rate == 0 && load->phase < LOAD_DRAIN;
	return !closed_loop || top_up(connection, now_ns());
}

/* Sends what is due, waits for answers or for the next arrival, takes the answers. */
static bool turn(struct load *load, uint64_t now)
{
	struct epoll_event events[EVENTS];
	if (load->options.rate > 0 && !send_arrivals(load, now))
		return false;
	if (!flush(load))
		return false;
	struct timespec wait = time_to_wait(load, now);
	int count = epoll_pwait2(load->epoll, events, EVENTS, &wait, NULL);
	for (int i = 0; i < count; i++)
		if (!handle(load, events[i].data.ptr, events[i].events))
			return false;
	return true;
}

static bool start(struct load *load, uint64_t now)
{
	load->begin_ns = now + load->options.warmup_ns;
	load->end_ns = load->begin_ns + load->options.duration_ns;
	load->first_arrival_ns = now;
	for (uint32_t i = 0; load->options.rate == 0 && i < load->options.connections; i++)
		if (!top_up(&load->connections[i], now))
			return false;
	return true;
}

static void count_unanswered(struct load *load)
{
	for (uint32_t i = 0; i < load->options.connections; i++)
		load->report.unanswered += load->connections[i].in_flight;
	for (; arrival_ns(load) < load->end_ns; load->arrivals++)
		load->report.unanswered++;
}

bool load_run(struct load *load)
{
	/* The kernel may be late by 50 us when it wakes a thread, unless it is told not to. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	uint64_t now = now_ns();
	if (!start(load, now))
		return false;
	while (load->phase != LOAD_ENDED) {
		if (!turn(load, now))
			return false;
		now = now_ns();
		advance(load, now);
	}
	if (load->options.rate > 0)
		count_unanswered(load);
	return true;
}
