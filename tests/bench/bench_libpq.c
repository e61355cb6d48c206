/* bench_libpq - what pipelined libpq reaches with GetStory's own statement, from one thread and
 * without a daemon; and the same statement as a script for pgbench. See USAGE. */
#include "db/queries.h"
#include "tests/bench/pipelines.h"

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

static const char USAGE[] =
	"bench_libpq --database CONNINFO --actor UUID STORIES [--connections N (4)]\n"
	"            [--in-flight D (16)] [--sync each] [--duration S (5)] [--warmup S (1)]\n"
	"            [--postmaster PID] [--json]\n"
	"bench_libpq --pgbench-script FILE --actor UUID STORIES\n"
	"\n"
	"STORIES: --organization N --ids FIRST-LAST [--per-organization K]\n";

static const struct option OPTIONS[] = {
	{"database", required_argument, NULL, 'd'},
	{"actor", required_argument, NULL, 'a'},
	{"organization", required_argument, NULL, 'o'},
	{"ids", required_argument, NULL, 'i'},
	{"per-organization", required_argument, NULL, 'e'},
	{"connections", required_argument, NULL, 'n'},
	{"in-flight", required_argument, NULL, 'm'},
	{"sync", required_argument, NULL, 's'},
	{"duration", required_argument, NULL, 't'},
	{"warmup", required_argument, NULL, 'w'},
	{"postmaster", required_argument, NULL, 'p'},
	{"pgbench-script", required_argument, NULL, 'b'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

struct asked {
	struct story_range range;
	const char *actor, *script;
	bool json;
};

static uint64_t seconds(const char *value)
{
	return (uint64_t)(strtod(value, NULL) * 1e9);
}

static bool parse_run(int option, const char *value, struct pipeline_options *options)
{
	switch (option) {
	case 'd':
		return (options->conninfo = value);
	case 'n':
		return (options->connections = (uint32_t)atoi(value)) > 0;
	case 'm':
		return (options->in_flight = (uint32_t)atoi(value)) > 0;
	case 's':
		return (options->sync_each = strcmp(value, "each") == 0);
	case 't':
		return (options->duration_ns = seconds(value)) > 0;
	case 'w':
		options->warmup_ns = seconds(value);
		return true;
	case 'p':
		return (options->postmaster = atoi(value)) > 0;
	default:
		return false;
	}
}

static bool parse_one(int option, const char *value, struct pipelines *pipelines,
                      struct asked *asked)
{
	switch (option) {
	case 'a':
		asked->actor = value;
		return uuid_parse(value, &pipelines->options.actor);
	case 'o':
		return (asked->range.organization = atoll(value)) > 0;
	case 'i':
		return story_range_parse(value, &asked->range);
	case 'e':
		return (asked->range.per_organization = atoll(value)) > 0;
	case 'b':
		return (asked->script = value);
	case 'j':
		return (asked->json = true);
	default:
		return parse_run(option, value, &pipelines->options);
	}
}

/* --- pgbench ------------------------------------------------------------------------- */

/* $5 becomes :id. Nothing else in our statements has a dollar before a digit. */
static void print_statement(FILE *out, const struct statement *statement)
{
	for (const char *at = statement->sql; *at;) {
		if (at[0] == '$' && isdigit((unsigned char)at[1])) {
			char *end;
			unsigned long number = strtoul(at + 1, &end, 10);
			fprintf(out, ":%s", statement->params[number - 1].name);
			at = end;
		} else {
			fputc(*at++, out);
		}
	}
	fputs("\n;\n", out);
}

static void print_script(FILE *out, const struct asked *asked)
{
	const struct story_range *range = &asked->range;
	fprintf(out, "\\set id random(%" PRId64 ", %" PRId64 ")\n", range->first, range->last);
	if (range->per_organization > 0)
		fprintf(out,
		        "\\set organization_id (:id - %" PRId64 ") / %" PRId64 " + %" PRId64 "\n",
		        range->first, range->per_organization, range->organization);
	else
		fprintf(out, "\\set organization_id %" PRId64 "\n", range->organization);
	print_statement(out, &STORY_GET_BY_ID);
}

static int write_script(const struct asked *asked)
{
	FILE *out = fopen(asked->script, "we");
	if (!out) {
		perror(asked->script);
		return 1;
	}
	print_script(out, asked);
	return fclose(out) == 0 ? 0 : 1;
}

/* --- the run -------------------------------------------------------------------------- */

static int run(struct pipelines *pipelines, bool json)
{
	bool ran = pipelines_open(pipelines) && pipelines_run(pipelines);
	pipelines_close(pipelines);
	if (!ran) {
		fprintf(stderr, "bench_libpq: %s\n", pipelines->message);
		return 1;
	}
	if (json)
		report_json(&pipelines->report, stdout);
	else
		report_text(&pipelines->report, stdout);
	return report_good(&pipelines->report, stderr) ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct pipelines pipelines = {.options = {.connections = 4,
	                                                 .in_flight = 16,
	                                                 .duration_ns = 5000000000u,
	                                                 .warmup_ns = 1000000000u}};
	struct asked asked = {0};
	struct workload workload;
	bool good = true;
	for (int option; good && (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;)
		good = parse_one(option, optarg, &pipelines, &asked);
	bool stories = asked.range.organization > 0 && asked.range.first > 0;
	if (!good || optind < argc || !asked.actor || !stories ||
	    (!asked.script && !pipelines.options.conninfo)) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (asked.script)
		return write_script(&asked);
	if (!workload_range_init(&workload, &asked.range))
		return 1;
	pipelines.workload = &workload;
	int result = run(&pipelines, asked.json);
	workload_deinit(&workload);
	return result;
}
