/* settings - a channel's options, checked and completed from the environment.
 *
 * Owns: copies of all. Lifetime: settings_init() .. settings_deinit(), which wipes the key.
 * Errors: as prism_channel_open() says. */
#pragma once
#include "client/address.h"
#include "client/retry.h"
#include "proto/bytes.h"

#include <prism/client.h>

enum { SETTINGS_MESSAGE_SIZE = 256, ACTOR_SIZE = 37, AGENT_SIZE = 128 };

struct settings {
	enum prism_protocol protocol;
	struct address address;
	char *token;            /* NUL-terminated; NULL: none */
	char actor[ACTOR_SIZE]; /* "": none */
	char agent[AGENT_SIZE]; /* "NAME libprism/VERSION" */
	uint32_t connect_timeout_ms, idle_timeout_ms;
	uint32_t keepalive_ms, keepalive_timeout_ms;
	uint32_t max_message;
	struct retry_policy retry;
	struct retry_budget budget; /* at the channel's start */
};

MUST_CHECK
enum status settings_init(struct settings *settings, const struct prism_channel_options *options,
                          char message[SETTINGS_MESSAGE_SIZE]);
void settings_deinit(struct settings *settings);

/* 8-4-4-4-12 hexadecimal digits. */
bool uuid_text_valid(const char *text);
