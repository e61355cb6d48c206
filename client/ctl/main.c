/* prismctl - PRISM from the command line: prismctl(1). */
#include "client/ctl/names.h"
#include "client/ctl/report.h"
#include "client/ctl/text.h"
#include "client/ctl/verbs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static int verb_version(const struct options *options)
{
	if (options->output == OUTPUT_JSON)
		printf("{\"version\":\"%s\"}\n", prism_version());
	else
		printf("prismctl %s\n", prism_version());
	return report_output(EXIT_DONE);
}

static const struct {
	const char *name;
	int (*run)(const struct options *options);
} VERBS[] = {
	{"call", verb_call},         {"story", verb_story},   {"list", verb_list},
	{"describe", verb_describe}, {"health", verb_health}, {"ping", verb_ping},
	{"version", verb_version},   {"import", verb_import},
};

static int unknown_verb(const char *name)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, name);
	for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
		suggestion_consider(&suggestion, VERBS[i].name);
	if (suggestion_near(&suggestion))
		return report_usage("no verb \"%s\"; did you mean %s?", name, suggestion.best);
	return report_usage("no verb \"%s\"", name);
}

int main(int argc, char **argv)
{
	struct options options;
	int code;
	text_init();
	signal(SIGPIPE, SIG_IGN);
	if (!options_parse(&options, argc, argv, &code))
		return code;
	for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
		if (strcmp(VERBS[i].name, options.verb) == 0)
			return VERBS[i].run(&options);
	return unknown_verb(options.verb);
}
