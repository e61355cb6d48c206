/* report - what a measurement found, for people and for programs.
 *
 * Owns: nothing but its counts. Lifetime: zero it, fill it in, report it. Units: as named. */
#pragma once
#include "tests/bench/histogram.h"
#include "tests/bench/process.h"

#include <stdio.h>

enum { REPORT_ERROR_SIZE = 256 };

struct report {
	const char *title;
	uint32_t connections, in_flight;
	double offered_per_second; /* open loop; 0: closed */
	uint64_t duration_ns;
	uint64_t finished; /* calls that ended well within the measured time */
	struct histogram latency;
	uint64_t errors[STATUS_COUNT], wrong, unanswered;
	char first_error[REPORT_ERROR_SIZE];
	struct usage usage;
};

void report_text(const struct report *report, FILE *out);
void report_json(const struct report *report, FILE *out);

/* Did it work? Some calls succeeded and no answer was wrong; else says what was not so. */
bool report_good(const struct report *report, FILE *complaints);
