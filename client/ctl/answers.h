/* answers - messages on standard output: JSON, or cards for people. */
#pragma once
#include "client/ctl/options.h"

struct answers {
	enum output output;
	bool streams;   /* one JSON value per line */
	unsigned count; /* printed so far */
};

void answers_print(struct answers *answers, const ProtobufCMessage *answer);
