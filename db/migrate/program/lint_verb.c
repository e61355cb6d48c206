/* lint. */
#include "db/migrate/lint/lint.h"
#include "db/migrate/program/verb.h"
#include "db/migrate/target.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct printing {
	json_t *list; /* --json */
	size_t count;
};

static void print(void *ctx, const struct finding *finding)
{
	struct printing *printing = ctx;
	printing->count++;
	if (printing->list)
		json_array_append_new(printing->list,
		                      json_pack("{s:s, s:i, s:s, s:s}", "file", finding->file,
		                                "line", (int)finding->line, "rule",
		                                rules[finding->rule].name, "text", finding->text));
	else if (finding->line)
		printf("%s:%u: %s: %s\n", finding->file, finding->line, rules[finding->rule].name,
		       finding->text);
	else
		printf("%s: %s: %s\n", finding->file, rules[finding->rule].name, finding->text);
}

/* "0019", or "0017:0019", or nothing: the last one. */
static bool read_range(const struct options *options, const struct migration_set *set,
                       uint32_t *first, uint32_t *last)
{
	char word[MIGRATION_NAME_SIZE + 8], message[MIGRATE_MESSAGE_SIZE];
	const char *range = options->operand_count > 1 ? options->operands[1] : "head";
	const char *colon = strchr(range, ':');
	snprintf(word, sizeof(word), "%.*s", (int)(colon ? (size_t)(colon - range) : strlen(range)),
	         range);
	if (!target_of_stamp(set, word, first, message, sizeof(message)) ||
	    !target_of_stamp(set, colon ? colon + 1 : word, last, message, sizeof(message))) {
		say("%s", message);
		return false;
	}
	if (*first >= 1 && *first <= *last)
		return true;
	say("give a revision, or a range of them: 0017:0019");
	return false;
}

static enum exit_code lint_range(const struct lint_settings *settings, uint32_t first,
                                 uint32_t last)
{
	char message[MIGRATE_MESSAGE_SIZE];
	for (uint32_t revision = first; revision <= last; revision++)
		if (!lint_revision(settings, revision, message)) {
			say("%s", message);
			return EXIT_FAILED;
		}
	return EXIT_DONE;
}

enum exit_code verb_lint(const struct options *options)
{
	struct database database;
	struct migration_set *loaded = NULL;
	char message[MIGRATE_MESSAGE_SIZE];
	uint32_t first, last;
	if (options->migrations &&
	    !migration_set_load(&loaded, options->migrations, message, sizeof(message))) {
		say("%s", message);
		return EXIT_USAGE;
	}
	struct printing printing = {.list = options->json ? json_array() : NULL};
	struct lint_settings settings = {
		.set = loaded ? loaded : &migration_builtin, .each = print, .ctx = &printing};
	enum exit_code code = EXIT_USAGE;
	if (read_range(options, settings.set, &first, &last)) {
		code = EXIT_UNREACHABLE;
		if (database_open(&database, options, DATABASE_MADE)) {
			settings.conninfo = database.conninfo;
			code = lint_range(&settings, first, last);
			database_close(&database);
		}
	}
	if (printing.list && code == EXIT_DONE) {
		json_dumpf(printing.list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(printing.list);
	migration_set_free(loaded);
	return code == EXIT_DONE && printing.count ? EXIT_FAILED : code;
}
