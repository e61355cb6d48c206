/* options - what the command line and the environment say.
 *
 * Owns: nothing; strings are argv's. Errors: a message on standard error, exit code 2. */
#pragma once
#include <prism/client.h>

enum output { OUTPUT_TABLE, OUTPUT_JSON };

/* prismctl(1), "EXIT STATUS". */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,      /* the call failed, or the service is not serving */
	EXIT_USAGE = 2,       /* the command line or the request makes no sense */
	EXIT_UNAVAILABLE = 3, /* there is no server to talk to */
};

enum { OPTION_METADATA_MOST = 32 };

struct options {
	struct prism_channel_options channel;
	enum output output;
	bool timeout_given;
	uint32_t timeout_ms; /* PRISM_NO_TIMEOUT: none */
	bool wait;           /* for a server, until the time-out */
	bool watch;
	bool quiet;     /* no progress */
	bool dry_run;   /* import: check the file, send nothing */
	bool verbose;   /* what the server says beside its answers, too */
	uint32_t count; /* of pings */
	struct prism_metadata metadata[OPTION_METADATA_MOST]; /* of each call */
	size_t metadata_count;
	const char *organization;
	const char *verb;
	char **arguments; /* what follows the verb */
	int argument_count;
};

/* False: *code is to be the exit code; what had to be said was. */
bool options_parse(struct options *options, int argc, char **argv, int *code);

/* Of one call; `streaming`: without a time-out unless one is given. */
struct prism_call_options options_call(const struct options *options, bool streaming);

/* Where the server is looked for, for messages. */
const char *options_address(const struct options *options);
