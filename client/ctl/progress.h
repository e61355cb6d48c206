/* progress - how far a long piece of work is: a bar on a terminal, a line for each part elsewhere.
 *
 * All of it goes to standard error. Units: items; seconds. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool terminal, quiet;
	const char *what;
	size_t done, total;
	uint64_t started_ns, drawn_ns;
};

void progress_init(struct progress *progress, bool quiet);

/* A new part: "stories", of which there are `total`. */
void progress_begin(struct progress *progress, const char *what, size_t total);

/* So many more are done; draws the bar, at most ten times a second. */
void progress_add(struct progress *progress, size_t more);

/* The part is over: takes the bar away. Seconds that it took. */
double progress_end(struct progress *progress);

/* Before something else is printed: takes the bar away until it is drawn again. */
void progress_hide(struct progress *progress);
