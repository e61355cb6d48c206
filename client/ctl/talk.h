/* talk - one call, from opening the channel to its result. */
#pragma once
#include "client/ctl/input.h"

/* False: no more answers are wanted. */
typedef bool answer_function(void *ctx, const ProtobufCMessage *answer);

/* Makes the call; answers are given out as they come. Says what went wrong. Returns the exit code.
 */
int talk(const struct options *options, const struct method *method,
         const struct requests *requests, answer_function *answer, void *ctx);
