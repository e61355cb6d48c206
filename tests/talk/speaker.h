/* speaker - calls of the EchoService over each protocol of the port: what is asked and what is told
 * are the same, whoever carries it.
 *
 * Blocking, one call after the other on one connection. Owns: `told` its answers. */
#pragma once
#include "tests/talk/h2.h"

enum { ASKED_MESSAGES = 8, TOLD_MESSAGE_SIZE = 2048 };

struct asked {
	const char *method;
	uint32_t timeout_ms; /* 0: none */
	size_t count;
	struct bytes messages[ASKED_MESSAGES]; /* at most 16,000 bytes each */
};

struct told {
	enum status status;
	char message[TOLD_MESSAGE_SIZE];
	size_t count;          /* of answers */
	struct buffer answers; /* each after its length, of four bytes */
};

struct speaker {
	const char *name;
	bool streams;          /* not only unary calls */
	enum status malformed; /* for bytes that are no message */
	void (*open)(void);
	void (*close)(void);
	/* Says the whole request. */
	void (*ask)(uint32_t stream, const struct asked *asked);
	/* Takes the whole answer. */
	void (*hear)(uint32_t stream, struct told *told);
	void (*cancel)(uint32_t stream);
};

extern const struct speaker speakers[];
extern const size_t speaker_count;

/* The answer with this number, from 0. */
struct bytes told_answer(const struct told *told, size_t number);
void told_free(struct told *told);
