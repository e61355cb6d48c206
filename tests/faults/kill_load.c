#include "tests/faults/kill_load.h"

#include "prism/v1/story.prism-client.h"
#include "tests/support/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	TIMEOUT_MS = 20000,
	PAUSE_MS = 50,     /* after a refusal */
	ANSWERS_AFTER = 2, /* that a slot wants before it ends */
};

static unsigned chance(struct kill_load *load, unsigned most)
{
	return (unsigned)rand_r(load->random) % most;
}

static void new_id(struct kill_load *load, char id[UUID_SIZE])
{
	snprintf(id, UUID_SIZE, "%08x-%04x-4%03x-8%03x-%08x%04x", (unsigned)rand_r(load->random),
	         chance(load, 0x10000), chance(load, 0x1000), chance(load, 0x1000),
	         (unsigned)rand_r(load->random), chance(load, 0x10000));
}

/* --- ends --------------------------------------------------------------------------------- */

static void on_ended(struct kill_call *call, const struct prism_result *result);

static void take_story(struct kill_call *call, const Prism__V1__Story *story)
{
	call->story = story->id;
	call->number = story->number;
	call->version = story->version;
}

static void on_story(void *ctx, const struct prism_result *result, const Prism__V1__Story *story)
{
	struct kill_call *call = ctx;
	if (story)
		take_story(call, story);
	on_ended(call, result);
}

static void on_upserted(void *ctx, const struct prism_result *result,
                        const Prism__V1__BatchUpsertStoriesResponse *response)
{
	if (response)
		assert_int_equal(response->n_results, KILL_UPSERTS);
	on_ended(ctx, result);
}

/* --- calls -------------------------------------------------------------------------------- */

static bool send_create(struct kill_call *call, struct prism_channel *channel,
                        const struct prism_call_options *options)
{
	Prism__V1__Story story = PRISM__V1__STORY__INIT;
	Prism__V1__CreateStoryRequest request = PRISM__V1__CREATE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = call->project;
	request.story = &story;
	request.request_id = story.title = call->id;
	return prism_v1_story_service_create_story(channel, options, &request, on_story, call);
}

static bool send_update(struct kill_call *call, struct prism_channel *channel,
                        const struct prism_call_options *options)
{
	Prism__V1__Story story = PRISM__V1__STORY__INIT;
	Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
	Prism__V1__UpdateStoryRequest request = PRISM__V1__UPDATE_STORY_REQUEST__INIT;
	mask.paths = (char *[]){"description"};
	mask.n_paths = 1;
	request.organization_id = 1;
	request.id = call->story;
	request.story = &story;
	request.update_mask = &mask;
	request.request_id = story.description = call->id;
	return prism_v1_story_service_update_story(channel, options, &request, on_story, call);
}

static bool send_upsert(struct kill_call *call, struct prism_channel *channel,
                        const struct prism_call_options *options)
{
	Prism__V1__Story stories[KILL_UPSERTS], *list[KILL_UPSERTS];
	char ids[KILL_UPSERTS][UUID_SIZE + 12];
	for (int i = 0; i < KILL_UPSERTS; i++) {
		prism__v1__story__init(list[i] = &stories[i]);
		snprintf(ids[i], sizeof(ids[i]), "%s:%d", call->id, i);
		stories[i].title = stories[i].external_id = ids[i];
	}
	Prism__V1__BatchUpsertStoriesRequest request =
		PRISM__V1__BATCH_UPSERT_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = call->project;
	request.external_source = "kills";
	request.stories = list;
	request.n_stories = KILL_UPSERTS;
	return prism_v1_story_service_batch_upsert_stories(channel, options, &request, on_upserted,
	                                                   call);
}

static void send_call(struct kill_call *call, struct prism_channel *channel)
{
	static const struct prism_call_options options = {.timeout_ms = TIMEOUT_MS};
	static bool (*const send[])(struct kill_call *, struct prism_channel *,
	                            const struct prism_call_options *) = {
		[KILL_CREATE] = send_create,
		[KILL_UPDATE] = send_update,
		[KILL_UPSERT] = send_upsert,
	};
	assert_true(send[call->kind](call, channel, &options));
}

static enum kill_kind choose(const struct kill_slot *slot)
{
	unsigned number = chance(slot->load, 10);
	if (number < 2)
		return KILL_UPSERT;
	return slot->story && number < 6 ? KILL_UPDATE : KILL_CREATE;
}

static void next_call(struct kill_slot *slot)
{
	struct kill_load *load = slot->load;
	assert_true(load->count < KILL_CALLS_MAX);
	struct kill_call *call = &load->calls[load->count++];
	*call = (struct kill_call){.kind = choose(slot), .project = slot->project, .slot = slot};
	if (call->kind == KILL_UPDATE)
		call->story = slot->story;
	new_id(load, call->id);
	slot->call = call;
	send_call(call, slot->channel);
}

/* --- slots -------------------------------------------------------------------------------- */

static void on_pause(uv_timer_t *timer)
{
	next_call(timer->data);
}

/* Whoever is acknowledged a version has not been told it, or a later one, before. */
static void learn(struct kill_slot *slot, const struct kill_call *call)
{
	if (call->kind == KILL_CREATE && !slot->story) {
		slot->story = call->story;
		slot->version = call->version;
	} else if (call->kind == KILL_UPDATE) {
		assert_true(call->version > slot->version);
		slot->version = call->version;
	}
}

static void on_act(uv_timer_t *timer)
{
	struct kill_load *load = timer->data;
	if (!load->harmed) {
		load->harmed = true;
		load->harm(load->ctx);
		uv_timer_start(timer, on_act, load->instant.heal_ms, 0);
		return;
	}
	load->heal(load->ctx);
	load->healed = true;
}

static void on_ended(struct kill_call *call, const struct prism_result *result)
{
	struct kill_slot *slot = call->slot;
	struct kill_load *load = slot->load;
	call->status = result->status;
	call->outcome = result->outcome;
	slot->call = NULL;
	if (result->status == PRISM_OK)
		learn(slot, call);
	else if (result->status != PRISM_UNAVAILABLE || result->outcome == PRISM_EXECUTED)
		fail_msg("%s (outcome %d): %s", prism_status_name(result->status), result->outcome,
		         result->message);
	slot->answered += load->healed && result->status == PRISM_OK;
	if (result->status == PRISM_OK && load->acknowledged++ == load->instant.acknowledged)
		uv_timer_start(&load->act, on_act, load->instant.harm_ms, 0);
	if (slot->answered >= ANSWERS_AFTER)
		load->running--;
	else
		uv_timer_start(&slot->pause, on_pause, result->status == PRISM_OK ? 0 : PAUSE_MS,
		               0);
	if (load->running == 0)
		uv_stop(&load->loop);
}

void kill_load_run(struct kill_load *load, const struct kill_instant *instant)
{
	load->instant = *instant;
	load->count = load->acknowledged = 0;
	load->harmed = load->healed = false;
	load->running = KILL_SLOTS;
	for (size_t i = 0; i < KILL_SLOTS; i++) {
		load->slots[i].answered = 0;
		next_call(&load->slots[i]);
	}
	uv_run(&load->loop, UV_RUN_DEFAULT);
	assert_int_equal(load->running, 0);
}

/* --- again -------------------------------------------------------------------------------- */

void kill_load_repeat(struct kill_load *load, struct kill_call *call)
{
	struct kill_slot *slot = call->slot;
	assert_null(slot->call);
	slot->call = call;
	load->running = 1;
	slot->answered = ANSWERS_AFTER;
	slot->version = 0;
	send_call(call, slot->channel);
	uv_run(&load->loop, UV_RUN_DEFAULT);
}

/* --- life --------------------------------------------------------------------------------- */

void kill_load_open(struct kill_load *load, const char *address, const char *key, const char *actor,
                    unsigned *random)
{
	struct prism_channel_options options = {
		.protocol = test_protocol(), .address = address, .key = key, .actor = actor};
	assert_int_equal(uv_loop_init(&load->loop), 0);
	load->random = random;
	uv_timer_init(&load->loop, &load->act);
	load->act.data = load;
	for (size_t i = 0; i < KILL_CHANNELS; i++) {
		options.retry.max_attempts = i % 2 ? 1 : 0;
		assert_int_equal(
			prism_channel_open(&load->channels[i], &options, &load->loop, NULL),
			PRISM_OK);
	}
	for (size_t i = 0; i < KILL_SLOTS; i++) {
		struct kill_slot *slot = &load->slots[i];
		*slot = (struct kill_slot){.load = load,
		                           .channel = load->channels[i % KILL_CHANNELS],
		                           .project = 1 + (int64_t)i % KILL_PROJECTS};
		uv_timer_init(&load->loop, &slot->pause);
		slot->pause.data = slot;
	}
}

void kill_load_close(struct kill_load *load)
{
	uv_close((uv_handle_t *)&load->act, NULL);
	for (size_t i = 0; i < KILL_SLOTS; i++)
		uv_close((uv_handle_t *)&load->slots[i].pause, NULL);
	for (size_t i = 0; i < KILL_CHANNELS; i++)
		prism_channel_close(load->channels[i], NULL, NULL);
	uv_run(&load->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&load->loop), 0);
}
