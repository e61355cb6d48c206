/* loop - a call on a loop of the test's, and what became of it. */
#pragma once
#include "tests/unit/client/notes.h"
#include "tests/unit/client/peer.h"

#include <uv.h>

struct outcome_of {
	struct prism_call *call; /* NULL once it has ended */
	struct prism_result result;
	unsigned done, messages, writable;
	uint64_t numbers; /* the sum of the messages' */
	size_t bytes;     /* of their data */
	bool started;     /* prism_call_start() has returned */
	void (*on_message)(struct outcome_of *of, const Prism__Test__Client__Note *note);
	void (*on_done)(struct outcome_of *of);
	void (*on_writable)(struct outcome_of *of);
	void *ctx;
};

struct loop {
	uv_loop_t loop;
	struct prism_channel *channel;
	bool closed;
};

void loop_open(struct loop *loop, const struct prism_channel_options *options);

/* Closes the channel if it is open, runs to the end, and nothing may be left. */
void loop_close(struct loop *loop);

/* Starts a call; `of` holds its callbacks. */
void loop_call(struct loop *loop, struct outcome_of *of, const struct prism_method *method,
               const struct prism_call_options *options, const char *text);

/* Runs until the call has ended; its status. */
enum prism_status loop_wait(struct loop *loop, const struct outcome_of *of);

/* One round of the loop, which waits for input: for what is sure to come with some. */
void loop_once(struct loop *loop);

/* Runs until the script has come to this stage, though it may send nothing more. */
void loop_until_stage(struct loop *loop, const struct peer *peer, int stage);
