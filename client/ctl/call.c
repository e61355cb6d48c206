#include "client/ctl/answers.h"
#include "client/ctl/known.h"
#include "client/ctl/report.h"
#include "client/ctl/talk.h"
#include "client/ctl/verbs.h"

#include <stdio.h>

/* Prints each answer as it comes. */
static bool on_answer(void *ctx, const ProtobufCMessage *answer)
{
	struct answers *answers = ctx;
	answers_print(answers, answer);
	return !ferror(stdout);
}

static int call_method(const struct options *options, const struct method *method, const char *json)
{
	struct arena arena;
	struct requests requests;
	struct answers answers = {
		.output = options->output,
		.streams =
			method->kind == CALL_SERVER_STREAMING || method->kind == CALL_BIDIRECTIONAL,
	};
	arena_init(&arena, NULL, 0, SIZE_MAX);
	int code = requests_read(method, json, &arena, &requests);
	if (code == EXIT_DONE)
		code = talk(options, method, &requests, on_answer, &answers);
	arena_deinit(&arena);
	return report_output(code);
}

static int call_known(const struct options *options, const struct catalog *catalog)
{
	struct catalog_entry entry;
	char fault[CATALOG_FAULT_SIZE];
	if (!catalog_method(catalog, options->arguments[0], &entry, fault))
		return report_usage("%s", fault);
	return call_method(options, entry.method,
	                   options->argument_count == 2 ? options->arguments[1] : NULL);
}

int verb_call(const struct options *options)
{
	struct known known;
	if (options->argument_count < 1 || options->argument_count > 2)
		return report_usage("call takes SERVICE/METHOD and a JSON request");
	int code = known_open(&known, options, options->arguments[0]);
	if (code == EXIT_DONE)
		code = call_known(options, &known.catalog);
	known_close(&known);
	return code;
}

int verb_story(const struct options *options)
{
	struct catalog_entry entry;
	char fault[CATALOG_FAULT_SIZE], json[512];
	if (options->argument_count != 1)
		return report_usage("story takes a story's key (PROJ-123) or id");
	if (!options->organization || !*options->organization)
		return report_usage("story needs --organization ID or PRISM_ORGANIZATION");
	const char *story = options->arguments[0];
	if (strpbrk(story, "\"\\") || strpbrk(options->organization, "\"\\"))
		return report_usage("a story's key and an organization's id have no quotes");
	if (!catalog_method(&CATALOG_BUILT_IN, "prism.v1.StoryService/GetStory", &entry, fault))
		return report_usage("%s", fault);
	bool number = story[strspn(story, "0123456789")] == '\0';
	snprintf(json, sizeof json, "{\"organizationId\": \"%.100s\", \"%s\": \"%.100s\"}",
	         options->organization, number ? "id" : "key", story);
	return call_method(options, entry.method, json);
}
