/* prismd stops while it works: clients that connect anew lose no call, whatever is to follow. */
#include "tests/services/story_fixture.h"
#include "tests/support/protocol.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { CHANNELS = 4, SLOTS = 16, RESTARTS = 3, CALLS_BETWEEN = 300 };

static char address[128];
static int64_t story_id;

static void set_listen_address(void)
{
	snprintf(address, sizeof(address), "%s", tenant.stack.prismd.address);
}

/* --- load ------------------------------------------------------------------- */

/* One call after another, a read and a write in turn. */
struct slot {
	struct load *load;
	struct prism_channel *channel;
	unsigned started;
};

/* On a thread and a loop of its own, until it is told to stop. Nothing is sent again that may have
 * been executed: an outcome that is not known would be a call that failed. */
struct load {
	pthread_t thread;
	uv_loop_t loop;
	uv_async_t stop;
	struct prism_channel *channels[CHANNELS];
	struct slot slots[SLOTS];
	bool stopping;
	unsigned busy; /* slots */
	atomic_uint answered, written, failed;
	struct prism_result failure; /* the first */
};

static const struct prism_call_options patient = {.timeout_ms = 60000, .wait_for_ready = true};

static void go_on(struct slot *slot);

static void ended(struct slot *slot, const struct prism_result *result, bool wrote)
{
	struct load *load = slot->load;
	if (result->status != PRISM_OK && atomic_fetch_add(&load->failed, 1) == 0)
		load->failure = *result;
	atomic_fetch_add(&load->written, wrote && result->status == PRISM_OK);
	atomic_fetch_add(&load->answered, 1);
	load->busy--;
	go_on(slot);
}

static void on_read(void *ctx, const struct prism_result *result, const story_t *story)
{
	(void)story;
	ended(ctx, result, false);
}

static void on_written(void *ctx, const struct prism_result *result, const story_t *story)
{
	(void)story;
	ended(ctx, result, true);
}

static void begin_read(struct slot *slot)
{
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = story_id;
	assert_non_null(
		prism_v1_story_service_get_story(slot->channel, &patient, &request, on_read, slot));
}

static void begin_write(struct slot *slot)
{
	Prism__V1__Story story = PRISM__V1__STORY__INIT;
	Prism__V1__CreateStoryRequest request = PRISM__V1__CREATE_STORY_REQUEST__INIT;
	story.title = "under load";
	request.organization_id = 1;
	request.project_id = 10;
	request.story = &story;
	assert_non_null(prism_v1_story_service_create_story(slot->channel, &patient, &request,
	                                                    on_written, slot));
}

static void go_on(struct slot *slot)
{
	struct load *load = slot->load;
	if (!load->stopping) {
		load->busy++;
		if (slot->started++ % 2)
			begin_write(slot);
		else
			begin_read(slot);
	} else if (load->busy == 0) {
		for (int i = 0; i < CHANNELS; i++)
			prism_channel_close(load->channels[i], NULL, NULL);
	}
}

static void on_stop(uv_async_t *async)
{
	struct load *load = async->data;
	load->stopping = true;
	uv_close((uv_handle_t *)async, NULL);
}

static void *load_main(void *arg)
{
	struct load *load = arg;
	for (int i = 0; i < SLOTS; i++)
		go_on(&load->slots[i]);
	uv_run(&load->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void load_begin(struct load *load)
{
	*load = (struct load){0};
	uv_loop_init(&load->loop);
	uv_async_init(&load->loop, &load->stop, on_stop);
	load->stop.data = load;
	const struct prism_channel_options options = {.protocol = test_protocol(),
	                                              .address = address,
	                                              .key = tenant.key,
	                                              .actor = MEMBER,
	                                              .retry = {.max_attempts = 1}};
	for (int i = 0; i < CHANNELS; i++)
		assert_int_equal(
			prism_channel_open(&load->channels[i], &options, &load->loop, NULL),
			PRISM_OK);
	for (int i = 0; i < SLOTS; i++)
		load->slots[i] =
			(struct slot){.load = load, .channel = load->channels[i % CHANNELS]};
	assert_int_equal(pthread_create(&load->thread, NULL, load_main, load), 0);
}

static void load_answers(struct load *load, unsigned more)
{
	unsigned until = atomic_load(&load->answered) + more;
	while (atomic_load(&load->answered) < until)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void load_end(struct load *load)
{
	uv_async_send(&load->stop);
	pthread_join(load->thread, NULL);
	assert_int_equal(uv_loop_close(&load->loop), 0);
}

/* --- the daemon --------------------------------------------------------------- */

static void until_nobody_listens(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
	                           .sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1)),
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (int refused = 0; !refused;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		refused = connect(fd, (struct sockaddr *)&name, sizeof(name));
		close(fd);
	}
}

static const char *const workers[] = {"--workers", "2", NULL};

/* The next one takes the address over while the one before still finishes what it has. */
static void restart(void)
{
	struct program before = tenant.stack.prismd;
	assert_int_equal(kill(before.pid, SIGTERM), 0);
	until_nobody_listens();
	stack_serve_at(&tenant.stack, address, workers);
	assert_int_equal(program_wait(&before), 0);
}

static void restarts_cost_no_call(void **state)
{
	(void)state;
	static struct load load;
	story_id = story_by_sql(10, "read");
	set_listen_address();
	load_begin(&load);
	for (int i = 0; i < RESTARTS; i++) {
		load_answers(&load, CALLS_BETWEEN);
		restart();
	}
	load_answers(&load, CALLS_BETWEEN);
	load_end(&load);
	if (load.failed > 0)
		fail_msg("%u of %u calls failed; the first %s: %s", load.failed, load.answered,
		         prism_status_name(load.failure.status), load.failure.message);
	assert_true(load.written >= CALLS_BETWEEN);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE title = 'under load'"),
	                 load.written);
}

/* --- what does not end ----------------------------------------------------------- */

/* Nobody reads or writes a story until PQfinish(). */
static PGconn *lock_stories(void)
{
	PGconn *holder = PQconnectdb(cluster_conninfo(tenant.stack.cluster));
	PQclear(PQexec(holder, "BEGIN; LOCK TABLE stories IN ACCESS EXCLUSIVE MODE"));
	assert_int_equal(PQtransactionStatus(holder), PQTRANS_INTRANS);
	return holder;
}

struct waiter {
	uv_loop_t loop;
	struct prism_channel *channel;
	struct prism_result result;
	bool ended;
};

static void on_waited(void *ctx, const struct prism_result *result, const story_t *story)
{
	struct waiter *waiter = ctx;
	(void)story;
	waiter->result = *result;
	waiter->ended = true;
}

/* A read that waits for the lock. */
static void waiter_begin(struct waiter *waiter)
{
	*waiter = (struct waiter){0};
	uv_loop_init(&waiter->loop);
	const struct prism_channel_options options = {.protocol = test_protocol(),
	                                              .address = tenant.stack.prismd.address,
	                                              .key = tenant.key,
	                                              .actor = MEMBER};
	assert_int_equal(prism_channel_open(&waiter->channel, &options, &waiter->loop, NULL),
	                 PRISM_OK);
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = story_id;
	assert_non_null(prism_v1_story_service_get_story(waiter->channel, NULL, &request, on_waited,
	                                                 waiter));
	while (count("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
		uv_run(&waiter->loop, UV_RUN_NOWAIT);
}

static void waiter_end(struct waiter *waiter)
{
	while (!waiter->ended)
		uv_run(&waiter->loop, UV_RUN_ONCE);
	assert_string_equal(prism_status_name(waiter->result.status), "UNAVAILABLE");
	prism_channel_close(waiter->channel, NULL, NULL);
	uv_run(&waiter->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&waiter->loop), 0);
}

/* What holds the daemon up for longer than drain_timeout is cancelled, and its caller told. */
static void the_drain_has_an_end(void **state)
{
	(void)state;
	struct waiter waiter;
	set_listen_address();
	assert_int_equal(program_stop(&tenant.stack.prismd), 0);
	setenv("PRISMD_SERVER_DRAIN_TIMEOUT", "300ms", 1);
	stack_serve_at(&tenant.stack, address, workers);
	unsetenv("PRISMD_SERVER_DRAIN_TIMEOUT");
	PGconn *holder = lock_stories();
	waiter_begin(&waiter);
	assert_int_equal(kill(tenant.stack.prismd.pid, SIGTERM), 0);
	waiter_end(&waiter);
	assert_int_equal(waiter.result.outcome, PRISM_NOT_EXECUTED);
	assert_int_equal(program_wait(&tenant.stack.prismd), 0);
	PQfinish(holder);
	stack_serve_at(&tenant.stack, address, workers);
}

/* A second signal does not wait; it too ends with 0. */
static void a_second_signal_ends_it(void **state)
{
	(void)state;
	struct waiter waiter;
	set_listen_address();
	PGconn *holder = lock_stories();
	waiter_begin(&waiter);
	assert_int_equal(kill(tenant.stack.prismd.pid, SIGTERM), 0);
	until_nobody_listens();
	assert_false(waiter.ended);
	assert_int_equal(kill(tenant.stack.prismd.pid, SIGTERM), 0);
	assert_int_equal(program_wait(&tenant.stack.prismd), 0);
	waiter_end(&waiter);
	PQfinish(holder);
	stack_serve_at(&tenant.stack, address, workers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restarts_cost_no_call),
		cmocka_unit_test(the_drain_has_an_end),
		cmocka_unit_test(a_second_signal_ends_it),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
