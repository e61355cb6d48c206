/* prismctl as a user runs it, against a server that says what the test wants. */
#include "grpc/health/v1/health.pb-c.h"
#include "prism/v1/story.pb-c.h"
#include "tests/support/program.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGUMENTS_MOST = 16 };

#define ACTOR "01234567-89ab-cdef-0123-456789abcdef"

static char output[PROGRAM_TEXT];

/* Runs prismctl with these words, separated by single spaces; those in [] are one argument. */
static int run(const char *address, const char *words)
{
	char text[1024], environment[128];
	const char *argv[ARGUMENTS_MOST] = {program_path("prismctl")};
	const char *env[] = {environment,
	                     "PRISM_KEY_FILE=", "PRISM_ACTOR=", "PRISM_ORGANIZATION=", NULL};
	size_t count = 1;
	snprintf(text, sizeof text, "%s", words);
	snprintf(environment, sizeof environment, "PRISM_ADDRESS=%s", address ? address : "");
	for (char *at = text; *at && count < ARGUMENTS_MOST - 1;) {
		bool quoted = *at == '[';
		argv[count++] = at += quoted;
		at += strcspn(at, quoted ? "]" : " ");
		if (*at)
			*at++ = '\0';
		at += quoted && *at;
	}
	return program_run(argv, env, output);
}

static void assert_output(const char *words)
{
	if (!strstr(output, words))
		fail_msg("this does not have \"%s\":\n%s", words, output);
}

/* --- a server that answers one call -------------------------------------------------------------
 */

struct answer {
	const char *path;
	const ProtobufCMessage *message;
	unsigned times; /* of a stream: MSG frames, then END with `end` */
	struct end_meta end;
	struct bytes request;     /* what was asked, copied */
	char actor[64], sent[64]; /* sent: the value of x-sent-bin */
	bool has_metadata;
};

/* "k" of initial and "x-b-bin" of trailing metadata. */
static void say_with_metadata(struct peer *peer, struct bytes message)
{
	static const struct metadata HEAD = {{(const uint8_t *)"k", 1},
	                                     {(const uint8_t *)"\x1bv", 2}};
	static const struct metadata TAIL = {{(const uint8_t *)"x-b-bin", 7},
	                                     {(const uint8_t *)"\0\xff", 2}};
	const struct head_meta none = {0};
	const struct end_meta end = {.code = STATUS_OK};
	uint8_t head[64], tail[64];
	struct writer writer = writer_init(head, sizeof head);
	head_meta_write(&writer, &none, &HEAD, 1);
	peer_send_frame(peer, FRAME_HEAD, 0, 1, bytes_of(head, (size_t)(writer.at - head)),
	                bytes_of(NULL, 0));
	writer = writer_init(tail, sizeof tail);
	end_meta_write(&writer, &end, NULL, 0, &TAIL, 1);
	peer_send_frame(peer, FRAME_END, 0, 1, bytes_of(tail, (size_t)(writer.at - tail)), message);
}

static void answer_script(struct peer *peer)
{
	struct answer *answer = peer->ctx;
	struct frame frame;
	struct call_meta meta;
	static uint8_t body[4096];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	if (*peer->fault)
		return;
	if (!bytes_equal_string(meta.path, answer->path))
		peer_fail(peer, "path %.*s", (int)meta.path.len, (const char *)meta.path.data);
	struct bytes actor = metadata_find(meta.block, METADATA_IN_CALL, "x-prism-actor");
	snprintf(answer->actor, sizeof answer->actor, "%.*s", (int)actor.len,
	         actor.len ? (const char *)actor.data : "");
	struct bytes sent = metadata_find(meta.block, METADATA_IN_CALL, "x-sent-bin");
	snprintf(answer->sent, sizeof answer->sent, "%.*s", (int)sent.len,
	         sent.len ? (const char *)sent.data : "");
	uint8_t *copy = malloc(frame.body.len + 1);
	memcpy(copy, frame.body.data, frame.body.len);
	answer->request = bytes_of(copy, frame.body.len);
	size_t len = answer->message ? protobuf_c_message_pack(answer->message, body) : 0;
	for (unsigned i = 0; i < answer->times; i++)
		peer_send_frame(peer, FRAME_MSG, 0, 1, bytes_of(NULL, 0), bytes_of(body, len));
	if (answer->times > 0 || !answer->message)
		peer_end(peer, 1, &answer->end);
	else if (answer->has_metadata)
		say_with_metadata(peer, bytes_of(body, len));
	else
		peer_answer(peer, 1, bytes_of(body, len));
	peer_expect_close(peer);
}

static int run_answered(struct answer *answer, const char *words)
{
	struct peer peer;
	peer_start(&peer, answer_script, answer);
	int code = run(peer.address, words);
	peer_stop(&peer);
	return code;
}

#define GET_STORY "/prism.v1.StoryService/GetStory"

static Prism__V1__Story some_story(void)
{
	Prism__V1__Story story = PRISM__V1__STORY__INIT;
	story.id = 17;
	story.key = "PGB-701";
	story.title = "Wei\xc3\x9f\x1b[31m auf";
	story.description = "first line\nsecond line";
	story.status = PRISM__V1__STORY_STATUS__STORY_STATUS_DONE;
	return story;
}

/* --- call ----------------------------------------------------------------------------------------
 */

static void test_call_json(void **state)
{
	(void)state;
	Prism__V1__Story story = some_story();
	struct answer answer = {.path = GET_STORY, .message = &story.base};
	assert_int_equal(run_answered(&answer, "--actor " ACTOR " call storyservice/getstory "
	                                       "[{\"organization_id\": 5, \"key\": \"PGB-701\"}]"),
	                 0);
	assert_output("\"id\": \"17\"");
	assert_output("\"key\": \"PGB-701\"");
	assert_output("\"status\": \"STORY_STATUS_DONE\"");
	assert_null(strchr(output, '\x1b'));
	assert_string_equal(answer.actor, ACTOR);
	Prism__V1__GetStoryRequest *request =
		prism__v1__get_story_request__unpack(NULL, answer.request.len, answer.request.data);
	assert_non_null(request);
	assert_int_equal(request->organization_id, 5);
	assert_string_equal(request->key, "PGB-701");
	prism__v1__get_story_request__free_unpacked(request, NULL);
	free((void *)answer.request.data);
}

static void test_metadata(void **state)
{
	(void)state;
	Prism__V1__Story story = some_story();
	struct answer answer = {.path = GET_STORY, .message = &story.base, .has_metadata = true};
	assert_int_equal(run_answered(&answer, "--verbose -H [X-Sent-Bin: c2VudA==] call "
	                                       "storyservice/getstory"),
	                 0);
	assert_string_equal(answer.sent, "sent");
	assert_output("initial metadata: k: \\x1bv\n");
	assert_output("trailing metadata: x-b-bin: AP8=\n");
	free((void *)answer.request.data);
	struct answer plain = {.path = GET_STORY, .message = &story.base};
	assert_int_equal(run_answered(&plain, "-v call storyservice/getstory"), 0);
	assert_output("initial metadata: none\n");
	assert_output("trailing metadata: none\n");
	free((void *)plain.request.data);
}

static void test_metadata_usage(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, "-H nothing health"), 2);
	assert_output("must be \"KEY: VALUE\"");
	assert_int_equal(run(NULL, "-H :x health"), 2);
	assert_int_equal(run(NULL, "-H [x-bin: ???] health"), 2);
	assert_output("in base64");
}

/* For people: aligned, without control characters, lines below each other. */
static void test_story_card(void **state)
{
	(void)state;
	Prism__V1__Story story = some_story();
	struct answer answer = {.path = GET_STORY, .message = &story.base};
	assert_int_equal(
		run_answered(&answer, "-o table story --organization 5 prism.v1.StoryService"), 0);
	free((void *)answer.request.data);
	assert_string_equal(output, "id           17\n"
	                            "key          PGB-701\n"
	                            "title        Wei\xc3\x9f\\x1b[31m auf\n"
	                            "description  first line\n"
	                            "             second line\n"
	                            "status       STORY_STATUS_DONE\n");
}

static void test_story_by_id(void **state)
{
	(void)state;
	Prism__V1__Story story = some_story();
	struct answer answer = {.path = GET_STORY, .message = &story.base};
	assert_int_equal(run_answered(&answer, "story 17 --organization 5"), 0);
	Prism__V1__GetStoryRequest *request =
		prism__v1__get_story_request__unpack(NULL, answer.request.len, answer.request.data);
	assert_int_equal(request->story_case, PRISM__V1__GET_STORY_REQUEST__STORY_ID);
	assert_int_equal(request->id, 17);
	prism__v1__get_story_request__free_unpacked(request, NULL);
	free((void *)answer.request.data);
}

static void test_call_from_file(void **state)
{
	(void)state;
	Prism__V1__Story story = some_story();
	struct answer answer = {.path = GET_STORY, .message = &story.base};
	char path[64], words[128];
	file_make(path, "\n{\"organizationId\": \"5\", \"id\": 7}\n");
	snprintf(words, sizeof words, "call " GET_STORY " @%s", path);
	assert_int_equal(run_answered(&answer, words), 0);
	assert_int_equal(answer.request.len, 4);
	free((void *)answer.request.data);
	unlink(path);
	assert_int_equal(run(NULL, words), 2);
	assert_output("No such file or directory");
}

static void test_call_fails(void **state)
{
	(void)state;
	static const struct {
		struct end_meta end;
		int code;
		const char *says, *hints;
	} each[] = {
		{{.code = STATUS_NOT_FOUND, .message = {(const uint8_t *)"no such story", 13}},
	         1,
	         "NOT_FOUND: no such story\n",
	         ""},
		{{.code = STATUS_UNAUTHENTICATED}, 1, "UNAUTHENTICATED: ", "--key-file"},
		{{.code = STATUS_UNIMPLEMENTED}, 1, "UNIMPLEMENTED: ", "same version"},
		{{.code = STATUS_UNAVAILABLE, .pushback_ms = 70},
	         3,
	         "UNAVAILABLE: ",
	         "asks to wait 70 ms"},
		{{.code = STATUS_ABORTED, .message = {(const uint8_t *)"a\x1b[2J", 5}},
	         1,
	         "ABORTED: a\\x1b[2J\n",
	         ""},
	};
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		struct answer answer = {.path = GET_STORY, .end = each[i].end};
		assert_int_equal(run_answered(&answer, "--no-retry call StoryService/GetStory "
		                                       "[{\"organizationId\":1,\"id\":1}]"),
		                 each[i].code);
		assert_output(each[i].says);
		assert_output(each[i].hints);
		free((void *)answer.request.data);
	}
}

/* --- health
 * --------------------------------------------------------------------------------------- */

static void test_health(void **state)
{
	(void)state;
	Grpc__Health__V1__HealthCheckResponse response =
		GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	struct answer answer = {.path = "/grpc.health.v1.Health/Check", .message = &response.base};
	response.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	assert_int_equal(run_answered(&answer, "health storyservice"), 0);
	assert_string_equal(output,
	                    "{\"service\":\"prism.v1.StoryService\",\"status\":\"SERVING\"}\n");
	assert_true(memmem(answer.request.data, answer.request.len, "prism.v1.StoryService", 21));
	free((void *)answer.request.data);
	response.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
	assert_int_equal(run_answered(&answer, "health -o table"), 1);
	assert_string_equal(output, "server: NOT_SERVING\n");
	free((void *)answer.request.data);
}

static void test_watch(void **state)
{
	(void)state;
	Grpc__Health__V1__HealthCheckResponse response =
		GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	struct answer answer = {.path = "/grpc.health.v1.Health/Watch",
	                        .message = &response.base,
	                        .times = 3,
	                        .end = {.code = STATUS_UNAVAILABLE}};
	response.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	assert_int_equal(run_answered(&answer, "health --watch -o table"), 3);
	assert_output("server: SERVING\nserver: SERVING\nserver: SERVING\n");
	free((void *)answer.request.data);
	answer.end.code = STATUS_OK;
	assert_int_equal(run_answered(&answer, "call Health/Watch"), 0);
	assert_string_equal(output, "{\"status\":\"SERVING\"}\n{\"status\":\"SERVING\"}\n"
	                            "{\"status\":\"SERVING\"}\n");
	free((void *)answer.request.data);
}

/* --- without a server
 * --------------------------------------------------------------------------------- */

static void test_list(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, "list -o table"), 0);
	assert_output("StoryService/GetStory");
	assert_output("Health/Watch");
	assert_output("server-streaming  public");
	assert_int_equal(run(NULL, "list"), 0);
	assert_output("\"path\": \"/prism.v1.StoryService/GetStory\"");
}

static void test_describe(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, "describe -o table storyservice/getstory"), 0);
	assert_output("prism.v1.StoryService/GetStory: unary, role viewer, read\n");
	assert_output("  organization_id  int64   1  required, at least 1\n");
	assert_output("  key              string  3  this or id, a story's key (PROJ-123)\n");
	assert_output("  STORY_STATUS_TODO         1\n");
	assert_output(
		"prismctl call StoryService/GetStory '{\"organizationId\":1,\"key\":\"PROJ-123\"}"
		"'\n");
	assert_int_equal(run(NULL, "describe -o table StoryService/ListStories"), 0);
	assert_output("page_size        int32                 7  at least 0, 0 is taken as 20, "
	              "more than 200 as 200\n");
	assert_output("\nprism.v1.StoryFilter (message)\n");
	assert_output(
		"repeated int64                   3   at most 100 elements, each at least 1\n");
	assert_int_equal(run(NULL, "describe -o table StoryService/UpdateStory"), 0);
	assert_output("required, of: title, description, acceptance_criteria, ");
	assert_output(
		"  title                string                     6   at most 255 characters");
	const char *first = strstr(output, "prism.v1.Story (message)");
	assert_non_null(first);
	assert_null(strstr(first + 1, "prism.v1.Story (message)"));
	assert_output("\"updateMask\":\"title\"");
	assert_int_equal(run(NULL, "describe -o table ListStoriesRequest"), 0);
	assert_output("\nprism.v1.StoryFilter (message)\n");
	assert_int_equal(run(NULL, "describe StoryService/ListStories"), 0);
	assert_output("\"name\": \"prism.v1.StoryFilter\"");
	assert_int_equal(run(NULL, "describe -o table Health"), 0);
	assert_output("grpc.health.v1.Health (service)\n");
	assert_output("  Watch  server-streaming  role public\n");
	assert_int_equal(run(NULL, "describe -o table healthcheckrequest"), 0);
	assert_output("  service  string  1  at most 256 characters\n");
	assert_int_equal(run(NULL, "describe GetStoryRequest"), 0);
	assert_output("\"jsonName\": \"organizationId\"");
	assert_int_equal(run(NULL, "describe StoryService/GetStory"), 0);
	assert_output("\"example\": {");
}

static void test_usage(void **state)
{
	(void)state;
	static const struct {
		const char *words;
		int code;
		const char *says;
	} each[] = {
		{"", 2, "Usage: prismctl"},
		{"--help", 0, "Usage: prismctl"},
		{"version", 0, "{\"version\":\"" PRISM_VERSION "\"}\n"},
		{"--version -o table", 0, "prismctl " PRISM_VERSION "\n"},
		{"lst", 2, "no verb \"lst\"; did you mean list?"},
		{"xyzzy", 2, "no verb \"xyzzy\"\n"},
		{"--frobnicate list", 2, "Try prismctl --help."},
		{"list list", 2, "list takes no arguments"},
		{"ping 1", 2, "ping takes no arguments"},
		{"ping -n 0", 2, "--count must be"},
		{"ping -t -1", 2, "--timeout must be"},
		{"list -o xml", 2, "--output must be json or table"},
		{"describe", 2, "describe takes one name"},
		{"describe Stori", 2, "did you mean Story?"},
		{"describe StoryServic", 2, "did you mean StoryService?"},
		{"describe StoryService/GetStroy", 2, "did you mean StoryService/GetStory?"},
		{"describe qqqqqqqqqqqq", 2, "prismctl list shows all"},
		{"call", 2, "call takes SERVICE/METHOD"},
		{"call GetStory", 2, "no method \"GetStory\"; did you mean StoryService/GetStory?"},
		{"call StoryService/GetStory {", 2, "the request is not JSON"},
		{"call StoryService/GetStory {\"key\":\"a\\u0000\"}", 2, "the request: key: "},
		{"call StoryService/GetStory [ ]", 2, "the request is empty"},
		{"call StoryService/GetStory {}{}", 2, "more than one JSON value"},
		{"call StoryService/GetStory {\"storyId\":1}", 2, "storyId: unknown field"},
		{"call StoryService/GetStory {\"storyId\":1}", 2,
	         "hint: prismctl describe prism.v1.StoryService/GetStory shows"},
		{"story 7", 2, "story needs --organization"},
		{"story --organization 1", 2, "story takes a story's key"},
		{"health a b", 2, "health takes at most one service"},
		{"-a nowhere:x ping", 2, "the port must be a number"},
		{"-u me ping", 2, "must be a user's UUID"},
		{"--retries many list", 2, "--retries must be a number from 0 to 99"},
		{"--retries 100 list", 2, "--retries must be a number from 0 to 99"},
		{"-k /nonexistent ping", 2, "cannot read the key file /nonexistent"},
		{"-a 127.0.0.1:1 ping", 3, "UNAVAILABLE: cannot connect to 127.0.0.1:1"},
		{"-a 127.0.0.1:1 ping", 3, "hint: is prismd running at 127.0.0.1:1?"},
		{"-a 127.0.0.1:1 -W -t 0.05 health", 3, "DEADLINE_EXCEEDED: not sent within 50 ms"},
	};
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		int code = run(NULL, each[i].words);
		if (code != each[i].code)
			fail_msg("prismctl %s: exit code %d:\n%s", each[i].words, code, output);
		assert_output(each[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call_json),      cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_metadata_usage), cmocka_unit_test(test_story_card),
		cmocka_unit_test(test_story_by_id),    cmocka_unit_test(test_call_from_file),
		cmocka_unit_test(test_call_fails),     cmocka_unit_test(test_health),
		cmocka_unit_test(test_watch),          cmocka_unit_test(test_list),
		cmocka_unit_test(test_describe),       cmocka_unit_test(test_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
