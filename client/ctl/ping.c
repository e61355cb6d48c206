#include "client/ctl/report.h"
#include "client/ctl/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int ping_once(const struct options *options, struct prism_channel *channel)
{
	uint64_t round_trip_us = 0;
	struct prism_result result;
	uint32_t timeout_ms = options->timeout_given ? options->timeout_ms : 0;
	if (prism_ping_wait(channel, timeout_ms, &round_trip_us, &result) != PRISM_OK)
		return report_result(options, &result);
	if (options->output == OUTPUT_JSON)
		printf("{\"address\":\"%s\",\"roundTripUs\":%" PRIu64 "}\n",
		       options_address(options), round_trip_us);
	else
		printf("%s: %" PRIu64 ".%03" PRIu64 " ms\n", options_address(options),
		       round_trip_us / 1000, round_trip_us % 1000);
	fflush(stdout);
	return EXIT_DONE;
}

int verb_ping(const struct options *options)
{
	static const struct timespec BETWEEN = {.tv_sec = 1};
	struct prism_channel *channel;
	char message[256];
	if (options->argument_count > 0)
		return report_usage("ping takes no arguments");
	enum prism_status status = prism_channel_open(&channel, &options->channel, NULL, message);
	if (status != PRISM_OK)
		return report_open(status, message);
	int code = EXIT_DONE;
	for (uint32_t i = 0; i < options->count && code == EXIT_DONE; i++) {
		if (i > 0)
			nanosleep(&BETWEEN, NULL);
		code = ping_once(options, channel);
	}
	prism_channel_close(channel, NULL, NULL);
	return report_output(code);
}
