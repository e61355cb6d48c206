/* bench_load - puts load on a server and says how fast it was. See USAGE. */
#include "tests/bench/dial.h"
#include "tests/bench/load.h"

#include <getopt.h>
#include <stdlib.h>

static const char USAGE[] =
	"bench_load --address ADDRESS WORKLOAD [options]\n"
	"\n"
	"Workloads:\n"
	"  --echo BYTES                     a message of that many bytes; the same comes back\n"
	"  --get-story --organization N --ids FIRST-LAST [--per-organization K]\n"
	"                                   every K ids belong to the next organization\n"
	"  --get-story --ids-file FILE      FILE has lines \"ORGANIZATION ID\"\n"
	"  --create-story --organization N --projects FIRST-LAST\n"
	"  --list-stories --organization N --projects PROJECT [--page-size K] [--page-token T]\n"
	"                 [--order N] [--want-total]   always the same page; N of StoryOrder\n"
	"\n"
	"Load:\n"
	"  --connections N   (1)            --in-flight M     (1)  calls at once on each\n"
	"  --rate R          open loop: R calls/s start at their times, answered or not\n"
	"  --duration S      (5) seconds    --warmup S        (1)\n"
	"  --grpc            HTTP/2 instead of the native framing\n"
	"  --raw             no framing: the bytes themselves, to bench_uv_echo\n"
	"\n"
	"Calls:\n"
	"  --method PATH     /package.Service/Method; default: that of the workload\n"
	"  --token TOKEN     --key-file FILE   service key, sent once (gRPC: in each call)\n"
	"  --metadata K=V    repeatable     --timeout-ms MS   (0: none)\n"
	"\n"
	"Report:\n"
	"  --server-pid PID  CPU per call of that process\n"
	"  --postmaster PID  CPU per call of that PostgreSQL\n"
	"  --json            for programs\n";

enum option_code {
	OPTION_ADDRESS = 1,
	OPTION_ECHO,
	OPTION_GET_STORY,
	OPTION_ORGANIZATION,
	OPTION_IDS,
	OPTION_PER_ORGANIZATION,
	OPTION_IDS_FILE,
	OPTION_CREATE_STORY,
	OPTION_LIST_STORIES,
	OPTION_PAGE_SIZE,
	OPTION_PAGE_TOKEN,
	OPTION_ORDER,
	OPTION_WANT_TOTAL,
	OPTION_CONNECTIONS,
	OPTION_IN_FLIGHT,
	OPTION_RATE,
	OPTION_DURATION,
	OPTION_WARMUP,
	OPTION_RAW,
	OPTION_GRPC,
	OPTION_METHOD,
	OPTION_TOKEN,
	OPTION_KEY_FILE,
	OPTION_METADATA,
	OPTION_TIMEOUT,
	OPTION_SERVER_PID,
	OPTION_POSTMASTER,
	OPTION_JSON,
	OPTION_HELP,
};

static const struct option OPTIONS[] = {
	{"address", required_argument, NULL, OPTION_ADDRESS},
	{"echo", required_argument, NULL, OPTION_ECHO},
	{"get-story", no_argument, NULL, OPTION_GET_STORY},
	{"organization", required_argument, NULL, OPTION_ORGANIZATION},
	{"ids", required_argument, NULL, OPTION_IDS},
	{"per-organization", required_argument, NULL, OPTION_PER_ORGANIZATION},
	{"ids-file", required_argument, NULL, OPTION_IDS_FILE},
	{"projects", required_argument, NULL, OPTION_IDS},
	{"create-story", no_argument, NULL, OPTION_CREATE_STORY},
	{"list-stories", no_argument, NULL, OPTION_LIST_STORIES},
	{"page-size", required_argument, NULL, OPTION_PAGE_SIZE},
	{"page-token", required_argument, NULL, OPTION_PAGE_TOKEN},
	{"order", required_argument, NULL, OPTION_ORDER},
	{"want-total", no_argument, NULL, OPTION_WANT_TOTAL},
	{"connections", required_argument, NULL, OPTION_CONNECTIONS},
	{"in-flight", required_argument, NULL, OPTION_IN_FLIGHT},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"warmup", required_argument, NULL, OPTION_WARMUP},
	{"raw", no_argument, NULL, OPTION_RAW},
	{"grpc", no_argument, NULL, OPTION_GRPC},
	{"method", required_argument, NULL, OPTION_METHOD},
	{"token", required_argument, NULL, OPTION_TOKEN},
	{"key-file", required_argument, NULL, OPTION_KEY_FILE},
	{"metadata", required_argument, NULL, OPTION_METADATA},
	{"timeout-ms", required_argument, NULL, OPTION_TIMEOUT},
	{"server-pid", required_argument, NULL, OPTION_SERVER_PID},
	{"postmaster", required_argument, NULL, OPTION_POSTMASTER},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

/* What the options say of the workload; made when all are known. */
struct asked {
	enum { ASKED_NOTHING, ASKED_ECHO, ASKED_STORY, ASKED_CREATE, ASKED_LIST } workload;
	bool json;
	size_t echo;
	struct story_range range; /* of stories or projects */
	const char *ids_file;
	struct story_page page;
};

static const char *const METHODS[] = {
	[ASKED_ECHO] = "/prism.test.v1.EchoService/Echo",
	[ASKED_STORY] = "/prism.v1.StoryService/GetStory",
	[ASKED_CREATE] = "/prism.v1.StoryService/CreateStory",
	[ASKED_LIST] = "/prism.v1.StoryService/ListStories",
};

static _Noreturn void refuse(const char *option, const char *value, const char *allowed)
{
	fprintf(stderr, "bench_load: --%s %s: expected %s\n", option, value, allowed);
	exit(2);
}

static double number(const char *option, const char *value, double least, double most)
{
	char *end, allowed[64];
	double parsed = strtod(value, &end);
	if (*value != 0 && *end == 0 && parsed >= least && parsed <= most)
		return parsed;
	snprintf(allowed, sizeof allowed, "a number from %.0f to %.0f", least, most);
	refuse(option, value, allowed);
}

static uint64_t seconds(const char *option, const char *value)
{
	return (uint64_t)(number(option, value, 0, 86400) * 1e9);
}

static void add_metadata(struct load_options *options, const char *pair)
{
	const char *equals = strchr(pair, '=');
	if (!equals || options->metadata_count == LOAD_METADATA_MAX)
		refuse("metadata", pair, "KEY=VALUE, at most 16 times");
	options->metadata[options->metadata_count++] = (struct metadata){
		.key = bytes_of(pair, (size_t)(equals - pair)),
		.value = bytes_of_string(equals + 1),
	};
}

static bool parse_workload(int option, const char *value, struct asked *asked)
{
	switch (option) {
	case OPTION_ECHO:
		asked->workload = ASKED_ECHO;
		asked->echo = (size_t)number("echo", value, 1, 60000);
		return true;
	case OPTION_GET_STORY:
		asked->workload = ASKED_STORY;
		return true;
	case OPTION_CREATE_STORY:
		asked->workload = ASKED_CREATE;
		return true;
	case OPTION_LIST_STORIES:
		asked->workload = ASKED_LIST;
		return true;
	default:
		return false;
	}
}

static bool parse_stories(int option, const char *value, struct asked *asked)
{
	switch (option) {
	case OPTION_ORGANIZATION:
		asked->range.organization = (int64_t)number("organization", value, 1, 1e15);
		return true;
	case OPTION_IDS:
		if (!story_range_parse(value, &asked->range))
			refuse("ids", value, "FIRST-LAST");
		return true;
	case OPTION_PER_ORGANIZATION:
		asked->range.per_organization = (int64_t)number("per-organization", value, 1, 1e15);
		return true;
	case OPTION_IDS_FILE:
		asked->ids_file = value;
		return true;
	case OPTION_PAGE_SIZE:
		asked->page.size = (uint32_t)number("page-size", value, 1, 100000);
		return true;
	case OPTION_PAGE_TOKEN:
		asked->page.token = value;
		return true;
	case OPTION_ORDER:
		asked->page.order = (uint32_t)number("order", value, 0, 100);
		return true;
	case OPTION_WANT_TOTAL:
		return asked->page.total = true;
	case OPTION_JSON:
		return asked->json = true;
	default:
		return false;
	}
}

static bool parse_load(int option, const char *value, struct load_options *options)
{
	switch (option) {
	case OPTION_CONNECTIONS:
		options->connections = (uint32_t)number("connections", value, 1, 50000);
		return true;
	case OPTION_IN_FLIGHT:
		options->in_flight = (uint32_t)number("in-flight", value, 1, 100000);
		return true;
	case OPTION_RATE:
		options->rate = number("rate", value, 1, 1e7);
		return true;
	case OPTION_DURATION:
		options->duration_ns = seconds("duration", value);
		return true;
	case OPTION_WARMUP:
		options->warmup_ns = seconds("warmup", value);
		return true;
	case OPTION_RAW:
		return options->raw = true;
	case OPTION_GRPC:
		return options->grpc = true;
	default:
		return false;
	}
}

static void parse_call(int option, const char *value, struct load_options *options)
{
	switch (option) {
	case OPTION_ADDRESS:
		options->address = value;
		return;
	case OPTION_METHOD:
		options->method = value;
		return;
	case OPTION_TOKEN:
		options->token = value;
		return;
	case OPTION_KEY_FILE:
		options->token = read_key_file(value);
		if (!options->token)
			refuse("key-file", value, "a file that can be read, with a key in it");
		return;
	case OPTION_METADATA:
		add_metadata(options, value);
		return;
	case OPTION_TIMEOUT:
		options->timeout_us = (uint64_t)(number("timeout-ms", value, 0, 86400000) * 1000);
		return;
	case OPTION_SERVER_PID:
		options->server = (pid_t)number("server-pid", value, 1, INT32_MAX);
		return;
	case OPTION_POSTMASTER:
		options->postmaster = (pid_t)number("postmaster", value, 1, INT32_MAX);
		return;
	case OPTION_HELP:
		fputs(USAGE, stdout);
		exit(0);
	default:
		fputs(USAGE, stderr);
		exit(2);
	}
}

static bool make_workload(struct workload *workload, const struct asked *asked)
{
	char message[WORKLOAD_MESSAGE_SIZE] = "out of memory";
	bool made;
	if (asked->workload == ASKED_ECHO)
		made = workload_echo_init(workload, asked->echo);
	else if (asked->workload == ASKED_CREATE)
		made = workload_create_init(workload, &asked->range);
	else if (asked->workload == ASKED_LIST)
		made = workload_list_init(workload, &asked->range, &asked->page);
	else if (asked->ids_file)
		made = workload_file_init(workload, asked->ids_file, message);
	else
		made = workload_range_init(workload, &asked->range);
	if (!made)
		fprintf(stderr, "bench_load: %s\n", message);
	return made;
}

static bool complete(const struct load_options *options, const struct asked *asked)
{
	bool range = asked->range.organization > 0 && asked->range.first > 0;
	bool stories = range || (asked->workload == ASKED_STORY && asked->ids_file);
	return options->address && options->duration_ns > 0 && asked->workload != ASKED_NOTHING &&
	       (stories || asked->workload == ASKED_ECHO);
}

static int run(struct load *load, bool json)
{
	if (!load_open(load) || !load_run(load)) {
		fprintf(stderr, "bench_load: %s\n", load->message);
		return 1;
	}
	if (json)
		report_json(&load->report, stdout);
	else
		report_text(&load->report, stdout);
	return report_good(&load->report, stderr) ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct load load = {.options = {.connections = 1,
	                                       .in_flight = 1,
	                                       .duration_ns = 5000000000u,
	                                       .warmup_ns = 1000000000u}};
	struct asked asked = {0};
	struct workload workload;
	for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;)
		if (!parse_workload(option, optarg, &asked) &&
		    !parse_stories(option, optarg, &asked) &&
		    !parse_load(option, optarg, &load.options))
			parse_call(option, optarg, &load.options);
	if (optind < argc || !complete(&load.options, &asked)) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (!load.options.method)
		load.options.method = METHODS[asked.workload];
	if (!make_workload(&workload, &asked))
		return 1;
	load.workload = &workload;
	int result = run(&load, asked.json);
	load_close(&load);
	workload_deinit(&workload);
	return result;
}
