/* What a failed call tells machines, and that whatever it tells is text. */
#include "tests/unit/daemon/rpc/rig.h"

#include "daemon/rpc/detail.h"
#include "google/protobuf/any.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "proto/limits.h"
#include "proto/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(name) "type.googleapis.com/google.rpc." name

struct details {
	size_t count;
	Google__Rpc__ErrorInfo *info;
	Google__Rpc__BadRequest *request;
	Google__Rpc__RetryInfo *retry;
};

struct scene {
	struct rig rig;
	struct told told;
	struct details details;
	enum status (*says)(struct call *call);
};

static void take(struct details *details, struct bytes packed)
{
	Google__Protobuf__Any *any = google__protobuf__any__unpack(NULL, packed.len, packed.data);
	assert_non_null(any);
	size_t len = any->value.len;
	const uint8_t *data = any->value.data;
	if (strcmp(any->type_url, TYPE("ErrorInfo")) == 0)
		details->info = google__rpc__error_info__unpack(NULL, len, data);
	else if (strcmp(any->type_url, TYPE("BadRequest")) == 0)
		details->request = google__rpc__bad_request__unpack(NULL, len, data);
	else if (strcmp(any->type_url, TYPE("RetryInfo")) == 0)
		details->retry = google__rpc__retry_info__unpack(NULL, len, data);
	else
		fail_msg("%s", any->type_url);
	details->count++;
	google__protobuf__any__free_unpacked(any, NULL);
}

static void read_details(struct call *call)
{
	struct rig *rig = call->rpc->ctx;
	struct scene *scene = rig->ctx;
	for (uint32_t i = 0; i < call->detail_count; i++)
		take(&scene->details, call->details[i]);
}

static const struct interceptor reader = {"reader", NULL, read_details};
static const struct interceptor *const interceptors[] = {&reader, NULL};

static enum status says(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)request;
	(void)response;
	return ((struct scene *)rig->ctx)->says(call);
}

static void begin(struct scene *scene, enum status (*what)(struct call *call))
{
	*scene = (struct scene){.says = what};
	rig_begin(&scene->rig, &(struct rig_settings){.interceptors = interceptors});
	scene->rig.handler = says;
	scene->rig.ctx = scene;
	(void)rig_unary(&scene->rig, "a", 0, &scene->told);
	rig_turn(&scene->rig);
	assert_true(scene->told.finished);
}

static void end(struct scene *scene)
{
	rig_end(&scene->rig);
	if (scene->details.info)
		google__rpc__error_info__free_unpacked(scene->details.info, NULL);
	if (scene->details.request)
		google__rpc__bad_request__free_unpacked(scene->details.request, NULL);
	if (scene->details.retry)
		google__rpc__retry_info__free_unpacked(scene->details.retry, NULL);
}

/* --- what is told -------------------------------------------------------------------------- */

static enum status stale(struct call *call)
{
	enum status status = call_fail_for(call, REASON_VERSION_STALE, "version %d is stale", 3);
	call_fact(call, "current_version", "%d", 4);
	return status;
}

static void a_reason_comes_with_its_facts(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, stale);
	rig_assert_told(&scene.told, STATUS_ABORTED, "version 3 is stale");
	assert_int_equal(scene.details.count, 1);
	assert_string_equal(scene.details.info->reason, "VERSION_STALE");
	assert_string_equal(scene.details.info->domain, "prism");
	assert_int_equal(scene.details.info->n_metadata, 1);
	assert_string_equal(scene.details.info->metadata[0]->key, "current_version");
	assert_string_equal(scene.details.info->metadata[0]->value, "4");
	end(&scene);
}

static enum status bad_field(struct call *call)
{
	return call_fail_field(call, "story.title", "must be %s", "shorter");
}

static void a_field_comes_with_its_fault(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, bad_field);
	rig_assert_told(&scene.told, STATUS_INVALID_ARGUMENT, "story.title: must be shorter");
	assert_int_equal(scene.details.count, 2);
	assert_string_equal(scene.details.info->reason, "FIELD_INVALID");
	assert_int_equal(scene.details.request->n_field_violations, 1);
	const Google__Rpc__BadRequest__FieldViolation *violation =
		scene.details.request->field_violations[0];
	assert_string_equal(violation->field, "story.title");
	assert_string_equal(violation->description, "must be shorter");
	end(&scene);
}

static enum status blames(struct call *call)
{
	enum status status =
		call_fail(call, STATUS_INVALID_ARGUMENT, "stories[3].title: too long: 300");
	call_blame_field(call);
	return status;
}

static void the_field_of_a_rule_is_what_its_text_begins_with(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, blames);
	const Google__Rpc__BadRequest__FieldViolation *violation =
		scene.details.request->field_violations[0];
	assert_string_equal(violation->field, "stories[3].title");
	assert_string_equal(violation->description, "too long: 300");
	end(&scene);
}

static enum status pushes_back(struct call *call)
{
	call->pushback_ms = 2500;
	return call_fail(call, STATUS_UNAVAILABLE, "busy");
}

static void when_to_try_again(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, pushes_back);
	assert_int_equal(scene.details.count, 1);
	assert_int_equal(scene.details.retry->retry_delay->seconds, 2);
	assert_int_equal(scene.details.retry->retry_delay->nanos, 500000000);
	end(&scene);
}

static enum status says_nothing(struct call *call)
{
	return call_fail(call, STATUS_INTERNAL, "internal error");
}

static void nothing_to_tell_is_nothing_told(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, says_nothing);
	assert_int_equal(scene.details.count, 0);
	end(&scene);
}

static enum status has_many_facts(struct call *call)
{
	enum status status = call_fail_for(call, REASON_LAST_ADMIN, "no");
	for (int i = 0; i < CALL_FACTS_MAX + 2; i++)
		call_fact(call, "fact", "%d", i);
	return status;
}

static void facts_have_a_limit(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, has_many_facts);
	assert_int_equal(scene.details.info->n_metadata, CALL_FACTS_MAX);
	end(&scene);
}

/* --- the last word counts -------------------------------------------------------------------- */

static enum status thinks_again(struct call *call)
{
	enum status status = stale(call);
	assert_int_equal(status, STATUS_ABORTED);
	return call_fail(call, STATUS_NOT_FOUND, "gone");
}

static enum status succeeds_after_all(struct call *call)
{
	enum status status = bad_field(call);
	return status == STATUS_INVALID_ARGUMENT ? STATUS_OK : status;
}

static enum status runs_out_of_memory(struct call *call)
{
	enum status status = bad_field(call);
	call_fact(call, "fact", "1");
	return status == STATUS_INVALID_ARGUMENT ? call_no_memory(call) : status;
}

static enum status says_something_else(struct call *call)
{
	enum status status = bad_field(call);
	return status == STATUS_INVALID_ARGUMENT ? STATUS_INTERNAL : status;
}

static void what_was_said_before_is_forgotten(void **state)
{
	(void)state;
	static const struct {
		enum status (*says)(struct call *call);
		enum status status;
		const char *message;
	} cases[] = {
		{thinks_again, STATUS_NOT_FOUND, "gone"},
		{succeeds_after_all, STATUS_OK, ""},
		{runs_out_of_memory, STATUS_RESOURCE_EXHAUSTED,
	         "the request needs more memory than one call may use"},
		{says_something_else, STATUS_INTERNAL, "internal"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene scene;
		begin(&scene, cases[i].says);
		rig_assert_told(&scene.told, cases[i].status, cases[i].message);
		assert_int_equal(scene.details.count, 0);
		end(&scene);
	}
}

/* --- texts --------------------------------------------------------------------------------- */

#define O "\xc3\xb8" /* ø */

static enum status cuts_bytes(struct call *call)
{
	enum status status = call_fail_for(call, REASON_KEY_TAKEN, "the key %.3s; allowed", O O);
	call_fact(call, "key", "%.1s.", O);
	call->field = "project." O "\xc3";
	return status;
}

static void half_a_character_is_left_out(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, cuts_bytes);
	rig_assert_told(&scene.told, STATUS_ALREADY_EXISTS, "the key " O "; allowed");
	assert_string_equal(scene.details.info->metadata[0]->value, ".");
	assert_string_equal(scene.details.request->field_violations[0]->field, "project." O);
	end(&scene);
}

static enum status repeats_much(struct call *call)
{
	char text[2 * LIMIT_STATUS_MESSAGE + 1];
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, O, 3);
	enum status status = call_fail_field(call, "f", "%s", text);
	call_fact(call, "text", "-%s", text);
	return status;
}

static void long_texts_end_with_a_whole_character(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, repeats_much);
	const char *const texts[] = {
		scene.told.message,
		scene.details.request->field_violations[0]->description,
		scene.details.info->metadata[0]->value,
	};
	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(texts[i]);
		assert_true(utf8_valid(bytes_of_string(texts[i])));
		assert_string_equal(texts[i] + len - 2, O);
	}
	assert_int_equal(strlen(scene.told.message), LIMIT_STATUS_MESSAGE - 1);
	end(&scene);
}

static void a_refusal_of_the_transport_is_text_too(void **state)
{
	(void)state;
	struct scene scene = {.says = says_nothing};
	rig_begin(&scene.rig, NULL);
	call_refuse(rig_unary(&scene.rig, "a", 0, &scene.told), STATUS_RESOURCE_EXHAUSTED,
	            "too large: " O "\xc3");
	rig_turn(&scene.rig);
	rig_assert_told(&scene.told, STATUS_RESOURCE_EXHAUSTED, "too large: " O);
	rig_end(&scene.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reason_comes_with_its_facts),
		cmocka_unit_test(a_field_comes_with_its_fault),
		cmocka_unit_test(the_field_of_a_rule_is_what_its_text_begins_with),
		cmocka_unit_test(when_to_try_again),
		cmocka_unit_test(nothing_to_tell_is_nothing_told),
		cmocka_unit_test(facts_have_a_limit),
		cmocka_unit_test(what_was_said_before_is_forgotten),
		cmocka_unit_test(half_a_character_is_left_out),
		cmocka_unit_test(long_texts_end_with_a_whole_character),
		cmocka_unit_test(a_refusal_of_the_transport_is_text_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
