/* dump-schema, diff, check. */
#include "db/migrate/diff/plan.h"
#include "db/migrate/memory.h"
#include "db/migrate/program/source.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A command's database, migrations and schemas. */
struct comparison {
	struct database database;
	struct migration_set *loaded; /* --migrations */
	struct sources sources;
};

static void comparison_close(struct comparison *comparison)
{
	sources_clear(&comparison->sources);
	migration_set_free(comparison->loaded);
	database_close(&comparison->database);
}

static enum exit_code comparison_open(struct comparison *comparison, const struct options *options)
{
	char message[MIGRATE_MESSAGE_SIZE];
	*comparison = (struct comparison){.sources = {.options = options}};
	if (options->migrations && !migration_set_load(&comparison->loaded, options->migrations,
	                                               message, sizeof(message))) {
		say("%s", message);
		return EXIT_USAGE;
	}
	comparison->sources.set = comparison->loaded ? comparison->loaded : &migration_builtin;
	if (!database_open(&comparison->database, options, DATABASE_THERE)) {
		migration_set_free(comparison->loaded);
		return EXIT_UNREACHABLE;
	}
	comparison->sources.conninfo = comparison->database.conninfo;
	return EXIT_DONE;
}

static void print_plan(const struct catalog *from, const struct catalog *to)
{
	const struct plan_settings settings = {.online = false};
	struct plan *plan = plan_make(from, to, &settings);
	char *text = plan_text(plan);
	fputs(text, stdout);
	free(text);
	plan_free(plan);
}

enum exit_code verb_dump_schema(const struct options *options)
{
	struct comparison comparison;
	enum exit_code code = comparison_open(&comparison, options);
	if (code != EXIT_DONE)
		return code;
	struct sources *sources = &comparison.sources;
	sources->words[sources->count++] =
		options->operand_count > 1 ? options->operands[1] : "live";
	code = sources_read(sources);
	if (code == EXIT_DONE) {
		struct catalog *empty = catalog_empty(sources->catalogs[0]);
		print_plan(empty, sources->catalogs[0]);
		catalog_free(empty);
	}
	comparison_close(&comparison);
	return code;
}

enum exit_code verb_diff(const struct options *options)
{
	struct comparison comparison;
	enum exit_code code = comparison_open(&comparison, options);
	if (code != EXIT_DONE)
		return code;
	struct sources *sources = &comparison.sources;
	sources->words[sources->count++] = options->operands[1];
	sources->words[sources->count++] = options->operands[2];
	code = sources_read(sources);
	if (code == EXIT_DONE)
		print_plan(sources->catalogs[0], sources->catalogs[1]);
	comparison_close(&comparison);
	return code;
}

/* --- check --------------------------------------------------------------------------------------
 */

struct check {
	uint32_t live, head;
	size_t pending, differences;
	json_t *json_pending, *json_differences; /* --json */
	struct text text;                        /* or this, for people */
};

static void see_revision(void *ctx, const struct migration *known,
                         const struct migration_applied *applied)
{
	struct check *check = ctx;
	char name[MIGRATION_NAME_SIZE + 8];
	if (known)
		check->head = known->revision;
	if (applied)
		check->live = applied->revision;
	if (applied || !known)
		return;
	snprintf(name, sizeof(name), "%04u_%s", known->revision, known->name);
	check->pending++;
	text_add_all(&check->text, "  pending  ", name, "\n", NULL);
	json_array_append_new(check->json_pending, json_string(name));
}

/* Texts of several lines stay readable below each other. */
static void add_definition(struct text *text, const char *label, const char *definition)
{
	text_add_all(text, "             ", label, NULL);
	for (; *definition; definition++) {
		text_add_len(text, definition, 1);
		if (*definition == '\n')
			text_add(text, "               ");
	}
	text_add(text, "\n");
}

static void see_difference(void *ctx, const struct object *found, const struct object *expected)
{
	struct check *check = ctx;
	const struct object *object = expected ? expected : found;
	const char *state = !found ? "missing" : !expected ? "extra" : "differs";
	check->differences++;
	text_add_all(&check->text, "  ", state, *state == 'e' ? "    " : "  ",
	             kinds[object->kind].name, " ", object->name, "\n", NULL);
	if (found && expected && strcmp(found->definition, expected->definition) == 0)
		add_definition(&check->text, "found as ", found->name);
	else if (found && expected) {
		add_definition(&check->text, "expected ", expected->definition);
		add_definition(&check->text, "found    ", found->definition);
	}
	json_array_append_new(check->json_differences,
	                      json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "state", state, "kind",
	                                kinds[object->kind].name, "name", object->name, "expected",
	                                expected ? expected->definition : NULL, "found",
	                                found ? found->definition : NULL));
}

/* Which revisions there are; nothing half done, nothing changed since. */
static enum exit_code read_revisions(struct check *check, const struct comparison *comparison)
{
	char message[MIGRATE_MESSAGE_SIZE];
	struct migrate *migrate;
	const struct migrate_settings settings = {.conninfo = comparison->sources.conninfo,
	                                          .program = "prism-db",
	                                          .set = comparison->sources.set};
	enum migrate_status status = migrate_open(&migrate, &settings, message);
	if (status == MIGRATE_OK) {
		status = migrate_verify(migrate, message);
		if (status == MIGRATE_OK)
			status = migrate_history(migrate, see_revision, check, message);
		migrate_close(migrate);
	}
	if (status == MIGRATE_OK)
		return EXIT_DONE;
	say("%s", message);
	return status == MIGRATE_UNREACHABLE ? EXIT_UNREACHABLE
	       : status == MIGRATE_MISMATCH  ? EXIT_MISMATCH
	                                     : EXIT_FAILED;
}

static char *repair_of(const struct sources *sources, char **by_hand)
{
	const struct plan_settings settings = {.online = true};
	struct plan *plan = plan_make(sources->catalogs[0], sources->catalogs[1], &settings);
	char *text = plan_text(plan);
	*by_hand = must(strdup(plan->by_hand));
	plan_free(plan);
	return text;
}

static void print_json(const struct check *check, const char *repair)
{
	char revision[16], head[16];
	snprintf(revision, sizeof(revision), "%04u", check->live);
	snprintf(head, sizeof(head), "%04u", check->head);
	json_t *out =
		json_pack("{s:s, s:s, s:O, s:O, s:s}", "revision", check->live ? revision : "base",
	                  "head", head, "pending", check->json_pending, "differences",
	                  check->json_differences, "repair", repair);
	json_dumpf(out, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
}

static void print_text(const struct check *check, const char *repair, const char *by_hand)
{
	if (!check->pending && !check->differences) {
		printf("at %04u (head), as the migrations build it\n", check->live);
		return;
	}
	printf("at %04u, head is %04u\n%s", check->live, check->head, text_string(&check->text));
	if (check->pending)
		puts("`prism-db upgrade head` applies what is pending.");
	if (check->differences)
		printf("This brings the schema back to what the migrations built:\n\n%s", repair);
	if (*by_hand)
		printf("\nBy hand, for prism-db does not write it:\n%s", by_hand);
}

static enum exit_code compare_live(struct check *check, struct comparison *comparison)
{
	char target[16], *by_hand;
	struct sources *sources = &comparison->sources;
	snprintf(target, sizeof(target), check->live ? "%04u" : "base", check->live);
	sources->words[sources->count++] = "live";
	sources->words[sources->count++] = target;
	enum exit_code code = sources_read(sources);
	if (code != EXIT_DONE)
		return code;
	plan_differences(sources->catalogs[0], sources->catalogs[1], see_difference, check);
	char *repair = repair_of(sources, &by_hand);
	if (sources->options->json)
		print_json(check, repair);
	else
		print_text(check, repair, by_hand);
	free(repair);
	free(by_hand);
	return check->pending || check->differences ? EXIT_FAILED : EXIT_DONE;
}

enum exit_code verb_check(const struct options *options)
{
	struct comparison comparison;
	struct check check = {.json_pending = json_array(), .json_differences = json_array()};
	enum exit_code code = comparison_open(&comparison, options);
	if (code == EXIT_DONE) {
		code = read_revisions(&check, &comparison);
		if (code == EXIT_DONE)
			code = compare_live(&check, &comparison);
		comparison_close(&comparison);
	}
	json_decref(check.json_pending);
	json_decref(check.json_differences);
	text_clear(&check.text);
	return code;
}
