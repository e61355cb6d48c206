#include "client/ctl/options.h"

#include "client/ctl/metadata.h"
#include "client/ctl/report.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] =
	"Usage: prismctl [OPTION]... VERB [ARGUMENT]...\n"
	"\n"
	"Verbs:\n"
	"  call SERVICE/METHOD [JSON]    make a call; JSON may be - (standard input) or @FILE\n"
	"  story KEY|ID                  show a story of --organization\n"
	"  import FILE                   load a backlog (NDJSON, - for standard input)\n"
	"  list                          services and their methods\n"
	"  describe NAME                 a service, method or message: fields, rules, an example\n"
	"  health [SERVICE] [--watch]    whether the server, or one of its services, serves\n"
	"  ping [--count N]              round trips to the server\n"
	"  version                       of this program\n"
	"\n"
	"Options:\n"
	"  -a, --address ADDRESS    host:port, [ipv6]:port or unix:/path ($PRISM_ADDRESS,\n"
	"                           else 127.0.0.1:7400)\n"
	"      --grpc               speak gRPC; what prismctl does not know, the server tells\n"
	"  -k, --key-file FILE      file with a service key ($PRISM_KEY_FILE)\n"
	"  -u, --actor UUID         user on whose behalf calls are made ($PRISM_ACTOR)\n"
	"  -H, --metadata KEY:VALUE send it with each call; of a key -bin in base64 (up to 32)\n"
	"  -v, --verbose            call: the server's metadata, on standard error\n"
	"  -t, --timeout SECONDS    for a call to end (30, streams: none); 0: none\n"
	"  -W, --wait               wait for a server that is not there yet, until the time-out\n"
	"      --retries N          of a call that failed and is safe to repeat (default 3)\n"
	"      --no-retry           send it once: --retries 0\n"
	"  -o, --output json|table  (default: table on a terminal, else json)\n"
	"  -w, --watch              health: print each change\n"
	"  -n, --count N            ping: how often (default 1)\n"
	"  -q, --quiet              import: no progress\n"
	"      --dry-run            import: check the file, send nothing\n"
	"      --organization ID    story: the organization ($PRISM_ORGANIZATION)\n"
	"      --version, --help\n"
	"\n"
	"Exit status: 0 done, 1 the call failed, 2 wrong usage, 3 no server. See prismctl(1).\n";

enum {
	OPTION_ORGANIZATION = 256,
	OPTION_DRY_RUN,
	OPTION_GRPC,
	OPTION_RETRIES,
	OPTION_NO_RETRY,
	OPTION_VERSION,
	OPTION_HELP,
};

enum { COUNT_MOST = 1000000, RETRIES_MOST = 99 };

static const struct option LONG_OPTIONS[] = {
	{"address", required_argument, NULL, 'a'},
	{"key-file", required_argument, NULL, 'k'},
	{"actor", required_argument, NULL, 'u'},
	{"metadata", required_argument, NULL, 'H'},
	{"verbose", no_argument, NULL, 'v'},
	{"timeout", required_argument, NULL, 't'},
	{"wait", no_argument, NULL, 'W'},
	{"output", required_argument, NULL, 'o'},
	{"watch", no_argument, NULL, 'w'},
	{"count", required_argument, NULL, 'n'},
	{"quiet", no_argument, NULL, 'q'},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"grpc", no_argument, NULL, OPTION_GRPC},
	{"organization", required_argument, NULL, OPTION_ORGANIZATION},
	{"retries", required_argument, NULL, OPTION_RETRIES},
	{"no-retry", no_argument, NULL, OPTION_NO_RETRY},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

static bool timeout_set(struct options *options, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);
	if (end == text || *end || !isfinite(seconds) || seconds < 0 || seconds > 86400) {
		report_usage("--timeout must be seconds from 0 (none) to 86400, not \"%s\"", text);
		return false;
	}
	options->timeout_given = true;
	options->timeout_ms = seconds > 0 ? (uint32_t)ceil(seconds * 1000) : PRISM_NO_TIMEOUT;
	return true;
}

static bool number_set(uint32_t *value, const char *name, const char *text, uint32_t least,
                       uint32_t most)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	if (end == text || *end || text[0] == '-' || number < least || number > most) {
		report_usage("%s must be a number from %u to %u, not \"%s\"", name, least, most,
		             text);
		return false;
	}
	*value = (uint32_t)number;
	return true;
}

static bool retries_set(struct options *options, const char *text)
{
	uint32_t retries;
	if (!number_set(&retries, "--retries", text, 0, RETRIES_MOST))
		return false;
	options->channel.retry.max_attempts = retries + 1;
	return true;
}

static bool metadata_set(struct options *options, char *text)
{
	if (options->metadata_count == OPTION_METADATA_MOST) {
		report_usage("--metadata may be given %d times at most", OPTION_METADATA_MOST);
		return false;
	}
	const char *fault = metadata_parse(text, &options->metadata[options->metadata_count++]);
	if (fault)
		report_usage("%s", fault);
	return !fault;
}

static bool output_set(struct options *options, const char *text)
{
	if (strcmp(text, "json") == 0)
		options->output = OUTPUT_JSON;
	else if (strcmp(text, "table") == 0)
		options->output = OUTPUT_TABLE;
	else
		report_usage("--output must be json or table, not \"%s\"", text);
	return strcmp(text, "json") == 0 || strcmp(text, "table") == 0;
}

/* False: *code is the exit code. */
static bool option_set(struct options *options, int option, int *code)
{
	*code = EXIT_USAGE;
	switch (option) {
	case 'a':
		options->channel.address = optarg;
		return true;
	case 'k':
		options->channel.key_file = optarg;
		return true;
	case 'u':
		options->channel.actor = optarg;
		return true;
	case 'H':
		return metadata_set(options, optarg);
	case 'v':
		options->verbose = true;
		return true;
	case 't':
		return timeout_set(options, optarg);
	case 'W':
		options->wait = true;
		return true;
	case 'o':
		return output_set(options, optarg);
	case 'w':
		options->watch = true;
		return true;
	case 'n':
		return number_set(&options->count, "--count", optarg, 1, COUNT_MOST);
	case 'q':
		options->quiet = true;
		return true;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		return true;
	case OPTION_GRPC:
		options->channel.protocol = PRISM_GRPC;
		return true;
	case OPTION_RETRIES:
		return retries_set(options, optarg);
	case OPTION_NO_RETRY:
		return retries_set(options, "0");
	case OPTION_ORGANIZATION:
		options->organization = optarg;
		return true;
	case OPTION_VERSION:
		options->verb = "version";
		return true;
	case OPTION_HELP:
		fputs(USAGE, stdout);
		*code = EXIT_DONE;
		return false;
	default:
		fputs("Try prismctl --help.\n", stderr);
		return false;
	}
}

bool options_parse(struct options *options, int argc, char **argv, int *code)
{
	*options = (struct options){
		.channel.agent = "prismctl",
		.output = isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_JSON,
		.count = 1,
		.organization = getenv("PRISM_ORGANIZATION"),
	};
	int option;
	while ((option = getopt_long(argc, argv, "a:k:u:H:vt:Wo:wn:qh", LONG_OPTIONS, NULL)) != -1)
		if (!option_set(options, option == 'h' ? OPTION_HELP : option, code))
			return false;
	if (options->verb)
		return true;
	*code = EXIT_USAGE;
	if (optind == argc) {
		fputs(USAGE, stderr);
		return false;
	}
	options->verb = argv[optind];
	options->arguments = argv + optind + 1;
	options->argument_count = argc - optind - 1;
	return true;
}

struct prism_call_options options_call(const struct options *options, bool streaming)
{
	struct prism_call_options call = {
		.wait_for_ready = options->wait,
		.metadata = options->metadata,
		.metadata_count = options->metadata_count,
	};
	if (options->timeout_given)
		call.timeout_ms = options->timeout_ms;
	else if (streaming)
		call.timeout_ms = PRISM_NO_TIMEOUT;
	return call;
}

const char *options_address(const struct options *options)
{
	const char *address =
		options->channel.address ? options->channel.address : getenv("PRISM_ADDRESS");
	return address && *address ? address : "127.0.0.1:7400";
}
