#include "client/settings.h"

#include "proto/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CONNECT_TIMEOUT_MS = 20000,
	KEEPALIVE_LEAST_MS = 10000, /* as gRPC has it: servers take more for abuse */
	KEEPALIVE_TIMEOUT_MS = 20000,
	KEY_FILE_MOST = 1024,
};

static const char WHITE_SPACE[] = " \t\r\n";

/* An option that is not given comes from the environment, where empty is as good as unset. */
static const char *option_or_environment(const char *option, const char *name)
{
	const char *value = option ? option : getenv(name);
	return value && *value ? value : NULL;
}

bool uuid_text_valid(const char *text)
{
	size_t at = 0;
	for (; text[at]; at++) {
		bool dash = at == 8 || at == 13 || at == 18 || at == 23;
		if (at >= 36 ||
		    (dash ? text[at] != '-' : !strchr("0123456789abcdefABCDEF", text[at])))
			return false;
	}
	return at == 36;
}

static const char *key_fault(const char *key)
{
	size_t len = strlen(key);
	if (strncmp(key, "prk_", 4) != 0)
		return "a service key begins with prk_";
	if (len > LIMIT_TOKEN)
		return "a service key has at most 512 characters";
	for (size_t i = 0; i < len; i++)
		if (key[i] <= ' ' || key[i] >= 0x7f)
			return "a service key has no spaces and only ASCII characters";
	return NULL;
}

static enum status key_use(struct settings *settings, const char *key, const char *where,
                           char message[SETTINGS_MESSAGE_SIZE])
{
	const char *fault = key_fault(key);
	if (fault) {
		snprintf(message, SETTINGS_MESSAGE_SIZE, "bad key in %.150s: %s", where, fault);
		return STATUS_INVALID_ARGUMENT;
	}
	settings->token = strdup(key);
	if (settings->token)
		return STATUS_OK;
	snprintf(message, SETTINGS_MESSAGE_SIZE, "no memory");
	return STATUS_RESOURCE_EXHAUSTED;
}

/* What is in the file, without white space around it. Returns errno, 0 when read. */
static int key_file_read(const char *path, char text[KEY_FILE_MOST + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno;
	ssize_t len = read(fd, text, KEY_FILE_MOST);
	int failed = len < 0 ? errno : 0;
	close(fd);
	if (failed)
		return failed;
	text[len] = '\0';
	size_t skip = strspn(text, WHITE_SPACE);
	memmove(text, text + skip, (size_t)len - skip + 1);
	text[strcspn(text, WHITE_SPACE)] = '\0';
	return 0;
}

static enum status key_file_use(struct settings *settings, const char *path,
                                char message[SETTINGS_MESSAGE_SIZE])
{
	char text[KEY_FILE_MOST + 1];
	int failed = key_file_read(path, text);
	if (failed) {
		snprintf(message, SETTINGS_MESSAGE_SIZE, "cannot read the key file %.150s: %s",
		         path, strerror(failed));
		return failed == ENOENT || failed == ENOTDIR ? STATUS_NOT_FOUND
		                                             : STATUS_PERMISSION_DENIED;
	}
	enum status status = key_use(settings, text, path, message);
	explicit_bzero(text, sizeof text);
	return status;
}

static enum status key_init(struct settings *settings, const struct prism_channel_options *options,
                            char message[SETTINGS_MESSAGE_SIZE])
{
	if (options->key)
		return key_use(settings, options->key, "the option `key`", message);
	const char *path = option_or_environment(options->key_file, "PRISM_KEY_FILE");
	return path ? key_file_use(settings, path, message) : STATUS_OK;
}

static enum status actor_init(struct settings *settings,
                              const struct prism_channel_options *options,
                              char message[SETTINGS_MESSAGE_SIZE])
{
	const char *actor = option_or_environment(options->actor, "PRISM_ACTOR");
	if (!actor)
		return STATUS_OK;
	if (!uuid_text_valid(actor)) {
		snprintf(message, SETTINGS_MESSAGE_SIZE,
		         "bad actor \"%.80s\": must be a user's UUID (8-4-4-4-12 hex digits)",
		         actor);
		return STATUS_INVALID_ARGUMENT;
	}
	memcpy(settings->actor, actor, ACTOR_SIZE);
	return STATUS_OK;
}

static enum status protocol_check(const struct prism_channel_options *options,
                                  char message[SETTINGS_MESSAGE_SIZE])
{
	if (options->protocol == PRISM_NATIVE || options->protocol == PRISM_GRPC)
		return STATUS_OK;
	snprintf(message, SETTINGS_MESSAGE_SIZE, "protocol must be PRISM_NATIVE or PRISM_GRPC");
	return STATUS_INVALID_ARGUMENT;
}

static enum status keepalive_check(const struct prism_channel_options *options,
                                   char message[SETTINGS_MESSAGE_SIZE])
{
	if (options->keepalive_ms == 0 || options->keepalive_ms >= KEEPALIVE_LEAST_MS)
		return STATUS_OK;
	snprintf(message, SETTINGS_MESSAGE_SIZE, "keepalive_ms must be 0 or at least %d",
	         KEEPALIVE_LEAST_MS);
	return STATUS_INVALID_ARGUMENT;
}

static enum status address_init(struct settings *settings,
                                const struct prism_channel_options *options,
                                char message[SETTINGS_MESSAGE_SIZE])
{
	const char *address = option_or_environment(options->address, "PRISM_ADDRESS");
	return address_read(address ? address : ADDRESS_DEFAULT, &settings->address, message)
	               ? STATUS_OK
	               : STATUS_INVALID_ARGUMENT;
}

static enum status retry_init(struct settings *settings,
                              const struct prism_channel_options *options,
                              char message[SETTINGS_MESSAGE_SIZE])
{
	settings->retry = RETRY_DEFAULT;
	const char *fault = retry_policy_set(&settings->retry, &options->retry);
	if (!fault)
		fault = retry_budget_init(&settings->budget, options->retry_tokens,
		                          options->retry_percent);
	if (!fault)
		return STATUS_OK;
	snprintf(message, SETTINGS_MESSAGE_SIZE, "%s", fault);
	return STATUS_INVALID_ARGUMENT;
}

enum status settings_init(struct settings *settings, const struct prism_channel_options *options,
                          char message[SETTINGS_MESSAGE_SIZE])
{
	*settings = (struct settings){
		.protocol = options->protocol,
		.connect_timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms
	                                                          : CONNECT_TIMEOUT_MS,
		.idle_timeout_ms = options->idle_timeout_ms,
		.keepalive_ms = options->keepalive_ms,
		.keepalive_timeout_ms = options->keepalive_timeout_ms
	                                        ? options->keepalive_timeout_ms
	                                        : KEEPALIVE_TIMEOUT_MS,
		.max_message = options->max_message ? options->max_message : LIMIT_MESSAGE,
	};
	const char *agent = options->agent ? options->agent : "";
	snprintf(settings->agent, sizeof settings->agent, "%.100s%slibprism/%s", agent,
	         *agent ? " " : "", PRISM_VERSION);
	TRY(protocol_check(options, message));
	TRY(keepalive_check(options, message));
	TRY(address_init(settings, options, message));
	TRY(actor_init(settings, options, message));
	TRY(retry_init(settings, options, message));
	return key_init(settings, options, message);
}

void settings_deinit(struct settings *settings)
{
	if (settings->token)
		explicit_bzero(settings->token, strlen(settings->token));
	free(settings->token);
	settings->token = NULL;
}
