/* config - the settings of prismd (settings.def): from the defaults, a file, the environment and
 * the command line, where the later one wins.
 *
 * Owns: its texts. Lifetime: config_new() .. config_free(); does not change after it was checked.
 * Thread: the main thread's. Units: durations in milliseconds; written as 500ms, 10s, 2min; without
 * a unit they are seconds.
 * Errors: each complaint names where the value comes from (file and line, variable or option), the
 * key, the value, and what is allowed. */
#pragma once
#include "daemon/transport/address.h"

#include <stddef.h>

enum setting {
#define SETTING(id, ...) SETTING_##id,
#include "daemon/settings.def"
#undef SETTING
	SETTING_COUNT,
};

enum setting_kind {
	SETTING_NUMBER,
	SETTING_DURATION,
	SETTING_WORD,
	SETTING_TEXT,
	SETTING_SECRET, /* text that is not repeated in messages */
	SETTING_ADDRESSES,
};

struct setting_info {
	const char *section, *key;
	enum setting_kind kind;
	const char *preset;
	int64_t low, high;
	const char *words;
	const char *alias, *flag;
	bool reload;
	const char *help;
};

extern const struct setting_info setting_table[SETTING_COUNT];

/* In rising order of precedence. */
enum config_source {
	CONFIG_PRESET,
	CONFIG_FILE,
	CONFIG_ENVIRONMENT,
	CONFIG_OPTION,
};

struct config_value {
	char *text;
	int64_t number; /* NUMBER, DURATION; WORD: its position */
	enum config_source source;
};

struct config {
	struct config_value values[SETTING_COUNT];
	/* Called for each thing that is wrong. */
	void (*complain)(void *ctx, const char *message);
	void *ctx;
	size_t complaints;
};

/* With the defaults. NULL: no memory. */
MUST_CHECK
struct config *config_new(void (*complain)(void *ctx, const char *message), void *ctx);
void config_free(struct config *config);

/* Sections of `key = value`, comments after # and ;. */
void config_read_file(struct config *config, const char *path);

/* PRISMD_SECTION_KEY and the aliases; `environment` as environ. */
void config_read_environment(struct config *config, char *const *environment);

/* `where` names the value's origin in complaints. A list setting takes one more value; the first
 * one from a higher source replaces those of lower ones. */
void config_set(struct config *config, enum setting setting, const char *value,
                enum config_source source, const char *where);

enum { CONFIG_REFUSAL_SIZE = 512 };

/* Whether `address` is one that other machines can connect to, and nobody said that they may
 * without TLS; then with a message. `where` says how it came to be listened at. */
MUST_CHECK
bool config_refuses(const struct config *config, const struct address *address, const char *where,
                    char message[CONFIG_REFUSAL_SIZE]);

/* What single values cannot tell: combinations. */
void config_check(struct config *config);

int64_t config_number(const struct config *config, enum setting setting);
const char *config_text(const struct config *config, enum setting setting);

/* config_number(), as a uint32_t: every bound in the table fits. */
uint32_t config_u32(const struct config *config, enum setting setting);

/* LISTEN as addresses; returns how many, at most `most`. */
size_t config_addresses(const struct config *config, struct address *out, size_t most);

/* WORKERS and POOL_SIZE, with 0 replaced by what it means. */
uint32_t config_workers(const struct config *config);
uint32_t config_pool_size(const struct config *config);

enum { CONFIG_ALLOWED_SIZE = 256 };

/* "a number from 0 to 256"; "": whatever there is. */
void config_allowed(const struct setting_info *info, char out[CONFIG_ALLOWED_SIZE]);

/* A configuration file of comments and defaults, on standard output. */
void config_print_defaults(void);

void config_complain(struct config *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The setting of that name; SETTING_COUNT if there is none. */
enum setting config_find(const char *section, const char *key);

/* The key of `section` (NULL: section.key of any) most like `key`, or NULL if none is. */
const char *config_nearest(const char *section, const char *key);
