/* names - finding what somebody may have meant. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Equal but for case, or equal to what follows the last '.' of `full` (in "prism.v1.StoryService":
 * "storyservice"). */
bool name_matches(const char *full, const char *given);

/* What follows the last '.'. */
const char *name_short(const char *full);

/* The candidate that is most like what was given. */
struct suggestion {
	const char *given;
	char best[320];
	size_t distance; /* of `best`; SIZE_MAX: there is none */
};

void suggestion_init(struct suggestion *suggestion, const char *given);
void suggestion_consider(struct suggestion *suggestion, const char *candidate);
/* One that is certainly meant: nothing considered later is nearer. */
void suggestion_choose(struct suggestion *suggestion, const char *candidate);

/* Whether `best` is near enough to be worth saying. */
bool suggestion_near(const struct suggestion *suggestion);
