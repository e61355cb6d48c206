#include "daemon/config.h"
#include "daemon/server.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COMPLAINT_SIZE = 1024 };

const struct setting_info setting_table[SETTING_COUNT] = {
#define SETTING(id, section, key, kind, ...) {section, key, SETTING_##kind, __VA_ARGS__},
#include "daemon/settings.def"
#undef SETTING
};

void config_complain(struct config *config, const char *format, ...)
{
	char message[COMPLAINT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	config->complaints++;
	config->complain(config->ctx, message);
}

/* --- what a value may be ---------------------------------------------------- */

static bool parse_whole(const char *text, int64_t *out, const char **rest)
{
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (end == text || errno != 0 || isspace((unsigned char)text[0]) || text[0] == '+')
		return false;
	*out = number;
	*rest = end;
	return true;
}

static bool parse_number(const struct setting_info *info, const char *text, int64_t *out)
{
	const char *rest;
	return parse_whole(text, out, &rest) && *rest == '\0' && *out >= info->low &&
	       *out <= info->high;
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"min", 60000}, {"h", 3600000}};

static bool parse_duration(const struct setting_info *info, const char *text, int64_t *out)
{
	const char *rest;
	int64_t number;
	if (!parse_whole(text, &number, &rest) || number < 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(rest, units[i].name) != 0)
			continue;
		if (number > info->high / units[i].ms || number * units[i].ms < info->low)
			return false;
		*out = number * units[i].ms;
		return true;
	}
	return false;
}

static bool parse_word(const struct setting_info *info, const char *text, int64_t *out)
{
	size_t len = strlen(text);
	int64_t position = 0;
	for (const char *at = info->words; *at; position++) {
		size_t word = strcspn(at, " ");
		if (word == len && strncmp(at, text, len) == 0) {
			*out = position;
			return true;
		}
		at += word + (at[word] == ' ');
	}
	return false;
}

static void format_duration(char *out, size_t size, int64_t ms)
{
	if (ms % 60000 == 0 && ms > 0)
		snprintf(out, size, "%lldmin", (long long)(ms / 60000));
	else if (ms % 1000 == 0)
		snprintf(out, size, "%llds", (long long)(ms / 1000));
	else
		snprintf(out, size, "%lldms", (long long)ms);
}

void config_allowed(const struct setting_info *info, char out[CONFIG_ALLOWED_SIZE])
{
	char low[32], high[32];
	switch (info->kind) {
	case SETTING_NUMBER:
		snprintf(out, CONFIG_ALLOWED_SIZE, "a number from %lld to %lld",
		         (long long)info->low, (long long)info->high);
		break;
	case SETTING_DURATION:
		format_duration(low, sizeof(low), info->low);
		format_duration(high, sizeof(high), info->high);
		snprintf(out, CONFIG_ALLOWED_SIZE,
		         "a time from %s to %s, such as 500ms, 10s or 2min", low, high);
		break;
	case SETTING_WORD:
		snprintf(out, CONFIG_ALLOWED_SIZE, "one of: %s", info->words);
		break;
	case SETTING_SECRET:
		snprintf(out, CONFIG_ALLOWED_SIZE,
		         "postgresql://... or a connection string such as host=... dbname=...");
		break;
	case SETTING_TEXT:
	case SETTING_ADDRESSES:
		out[0] = '\0';
		break;
	}
}

/* --- setting a value ---------------------------------------------------------- */

static void replace(struct config *config, enum setting setting, char *text, int64_t number,
                    enum config_source source)
{
	struct config_value *value = &config->values[setting];
	if (!text) {
		config_complain(config, "no memory");
		return;
	}
	free(value->text);
	*value = (struct config_value){.text = text, .number = number, .source = source};
}

static char *join(const char *before, const char *word, size_t len)
{
	char *joined;
	if (asprintf(&joined, "%s%s%.*s", before, before[0] ? " " : "", (int)len, word) < 0)
		return NULL;
	return joined;
}

static void add_address(struct config *config, enum setting setting, const char *word, size_t len,
                        enum config_source source, const char *where)
{
	char text[ADDRESS_TEXT_SIZE], message[ADDRESS_MESSAGE_SIZE];
	struct address address;
	snprintf(text, sizeof(text), "%.*s", (int)len, word);
	if (len >= sizeof(text) || !address_parse(text, &address, message)) {
		config_complain(config, "%s: %s", where,
		                len < sizeof(text) ? message : "the address is too long");
		return;
	}
	const struct config_value *value = &config->values[setting];
	const char *before = value->text && value->source == source ? value->text : "";
	replace(config, setting, join(before, word, len), 0, source);
}

static void set_addresses(struct config *config, enum setting setting, const char *text,
                          enum config_source source, const char *where)
{
	if (text[strspn(text, " \t,")] == '\0')
		config_complain(config, "%s: the list of addresses is empty", where);
	for (const char *at = text + strspn(text, " \t,"); *at; at += strspn(at, " \t,")) {
		size_t len = strcspn(at, " \t,");
		add_address(config, setting, at, len, source, where);
		at += len;
	}
}

/* What libpq takes as a connection string; its own message comes when it is used. */
static bool is_conninfo(const char *text)
{
	return text[0] == '\0' || strncmp(text, "postgres://", 11) == 0 ||
	       strncmp(text, "postgresql://", 13) == 0 ||
	       (strncmp(text, "postgresql+", 11) == 0 && strstr(text, "://")) ||
	       (strchr(text, '=') && !strstr(text, "://"));
}

static bool accepts(const struct setting_info *info, const char *text, int64_t *number)
{
	switch (info->kind) {
	case SETTING_NUMBER:
		return parse_number(info, text, number);
	case SETTING_DURATION:
		return parse_duration(info, text, number);
	case SETTING_WORD:
		return parse_word(info, text, number);
	case SETTING_SECRET:
		return is_conninfo(text);
	case SETTING_TEXT:
	case SETTING_ADDRESSES:
		break;
	}
	return true;
}

void config_set(struct config *config, enum setting setting, const char *value,
                enum config_source source, const char *where)
{
	const struct setting_info *info = &setting_table[setting];
	int64_t number = 0;
	if (info->kind == SETTING_ADDRESSES) {
		set_addresses(config, setting, value, source, where);
		return;
	}
	if (accepts(info, value, &number)) {
		replace(config, setting, strdup(value), number, source);
		return;
	}
	char what[CONFIG_ALLOWED_SIZE];
	config_allowed(info, what);
	config_complain(config, "%s: '%s' is not %s", where,
	                info->kind == SETTING_SECRET ? "(hidden)" : value, what);
}

/* --- combinations ----------------------------------------------------------------- */

bool config_refuses(const struct config *config, const struct address *address, const char *where,
                    char message[CONFIG_REFUSAL_SIZE])
{
	char text[ADDRESS_TEXT_SIZE];
	if (config_number(config, SETTING_INSECURE_PLAINTEXT) != 0 || address_is_local(address))
		return false;
	address_format(address, text);
	snprintf(message, CONFIG_REFUSAL_SIZE,
	         "%s %s: other machines can connect there, and without TLS keys cross the "
	         "network readable; listen on 127.0.0.1, [::1] or unix:/path, or set "
	         "server.insecure_plaintext = i-know",
	         where, text);
	return true;
}

static void check_plaintext(struct config *config)
{
	struct address addresses[SERVER_ADDRESSES_MAX];
	char message[CONFIG_REFUSAL_SIZE];
	size_t count = config_addresses(config, addresses, SERVER_ADDRESSES_MAX);
	for (size_t i = 0; i < count; i++)
		if (config_refuses(config, &addresses[i], "server.listen", message))
			config_complain(config, "%s", message);
}

static void check_pool(struct config *config)
{
	uint32_t workers = config_workers(config), size = config_pool_size(config);
	uint32_t least = 2 * workers + 2;
	if (size < least)
		config_complain(config,
		                "database.pool_size (DATABASE_POOL_SIZE) is %u, but %u workers "
		                "need at least 2 x %u + 2 = %u connections: one that reads and one "
		                "that writes for each worker, one that cancels and one that "
		                "listens; allow more, or set fewer --workers",
		                size, workers, workers, least);
}

void config_check(struct config *config)
{
	size_t count = 1;
	for (const char *at = config_text(config, SETTING_LISTEN); *at; at++)
		count += *at == ' ';
	if (count > SERVER_ADDRESSES_MAX)
		config_complain(config, "server.listen: %zu addresses, at most %d are allowed",
		                count, SERVER_ADDRESSES_MAX);
	check_plaintext(config);
	check_pool(config);
}

/* --- reading ------------------------------------------------------------------------ */

int64_t config_number(const struct config *config, enum setting setting)
{
	return config->values[setting].number;
}

const char *config_text(const struct config *config, enum setting setting)
{
	return config->values[setting].text;
}

uint32_t config_u32(const struct config *config, enum setting setting)
{
	return (uint32_t)config_number(config, setting);
}

size_t config_addresses(const struct config *config, struct address *out, size_t most)
{
	size_t count = 0;
	const char *at = config_text(config, SETTING_LISTEN);
	while (*at && count < most) {
		char text[ADDRESS_TEXT_SIZE], message[ADDRESS_MESSAGE_SIZE];
		size_t len = strcspn(at, " ");
		snprintf(text, sizeof(text), "%.*s", (int)len, at);
		bool parsed = address_parse(text, &out[count], message);
		assert(parsed); /* it was when it was set */
		count += parsed;
		at += len + (at[len] == ' ');
	}
	return count;
}

uint32_t config_workers(const struct config *config)
{
	uint32_t workers = config_u32(config, SETTING_WORKERS);
	return workers ? workers : server_default_workers();
}

uint32_t config_pool_size(const struct config *config)
{
	uint32_t size = config_u32(config, SETTING_POOL_SIZE);
	return size ? size : 6 * config_workers(config) + 2;
}

struct config *config_new(void (*complain)(void *ctx, const char *message), void *ctx)
{
	struct config *config = calloc(1, sizeof(*config));
	if (!config)
		return NULL;
	config->complain = complain;
	config->ctx = ctx;
	for (int i = 0; i < SETTING_COUNT; i++)
		config_set(config, (enum setting)i, setting_table[i].preset, CONFIG_PRESET,
		           "preset");
	if (config->complaints == 0)
		return config;
	config_free(config);
	return NULL;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (int i = 0; i < SETTING_COUNT; i++)
		free(config->values[i].text);
	free(config);
}
