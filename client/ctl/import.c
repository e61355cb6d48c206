/* prismctl import: a backlog from a file, through the services. */
#include "client/ctl/import.h"

#include "client/ctl/describe.h"
#include "client/ctl/report.h"
#include "client/ctl/text.h"
#include "client/ctl/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AWAY_MS = 1000 }; /* how long a server may take to say that it is there */

/* Whether the next calls would fare no better. */
static bool breaks(const struct prism_result *result)
{
	return result->status == PRISM_UNAVAILABLE || result->status == PRISM_ABORTED ||
	       result->status == PRISM_DEADLINE_EXCEEDED ||
	       result->status == PRISM_UNAUTHENTICATED ||
	       result->status == PRISM_PERMISSION_DENIED ||
	       result->outcome == PRISM_OUTCOME_UNKNOWN;
}

size_t import_batch(const struct entries *entries, size_t first)
{
	size_t n = 0, bytes = 0;
	const struct entry *all = entries->at + first;
	for (; first + n < entries->count && n < IMPORT_BATCH; n++) {
		bytes += all[n].bytes;
		if (n > 0 && (bytes > IMPORT_BATCH_BYTES || all[n].project != all[0].project))
			break;
	}
	return n;
}

/* What is said of "stories[3].title" is said of one line's title. */
static const char *text_of(const struct prism_result *result)
{
	const char *rest = strchr(result->field, '[') ? strstr(result->message, "].") : NULL;
	return rest ? rest + 2 : result->message;
}

bool import_breaks(struct import *import)
{
	import->broken = import->broken || breaks(&import->result);
	return import->broken;
}

bool import_make(struct import *import, const struct entry *entry, import_step *make,
                 import_step *find)
{
	if (make(import, entry))
		return true;
	struct prism_result made = import->result;
	if (made.status == PRISM_ALREADY_EXISTS && find(import, entry))
		return true;
	import->result = made;
	return false;
}

static void explain(struct import *import)
{
	if (import_breaks(import))
		(void)report_result(import->options, &import->result);
	if (import->result.status == PRISM_PERMISSION_DENIED)
		fputs("hint: an import needs a key with the scope system, as bootstrap.key in the "
		      "server's state\n      directory has, and prism-db create-key --scope system "
		      "makes\n",
		      stderr);
}

void import_refused(struct import *import, const struct entry *entry)
{
	const struct prism_result *result = &import->result;
	progress_hide(&import->progress);
	backlog_fault(&import->backlog, entry->line, "%s: %s", prism_status_name(result->status),
	              text_of(result));
	explain(import);
}

void import_refused_all(struct import *import, enum backlog_kind kind, struct entry *const *entries,
                        size_t count)
{
	const struct prism_result *result = &import->result;
	if (count == 1) {
		import_refused(import, entries[0]);
		return;
	}
	progress_hide(&import->progress);
	backlog_fault(&import->backlog, entries[0]->line,
	              "%s: %s (%zu lines of the kind %s from this one on were not imported)",
	              prism_status_name(result->status), result->message, count,
	              backlog_kinds[kind]);
	explain(import);
}

/* --- the end -----------------------------------------------------------------------------------
 */

static void print_counts(const struct import *import, FILE *out)
{
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		const struct import_count *count = &import->counts[kind];
		size_t total = import->backlog.kind[kind].count;
		if (total == 0)
			continue;
		fprintf(out, "%-13s %7zu: %zu created, %zu updated, %zu unchanged",
		        backlog_kinds[kind], total, count->created, count->updated,
		        count->unchanged);
		if (count->deleted)
			fprintf(out, ", %zu deleted there", count->deleted);
		if (count->failed)
			fprintf(out, ", %zu failed", count->failed);
		fputc('\n', out);
	}
}

static json_t *counts_json(const struct import *import)
{
	json_t *all = json_object();
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		const struct import_count *count = &import->counts[kind];
		json_object_set_new(
			all, backlog_kinds[kind],
			json_pack("{s:I, s:I, s:I, s:I, s:I}", "created",
		                  (json_int_t)count->created, "updated", (json_int_t)count->updated,
		                  "unchanged", (json_int_t)count->unchanged, "deleted",
		                  (json_int_t)count->deleted, "failed", (json_int_t)count->failed));
	}
	return all;
}

static json_t *users_json(const struct import *import)
{
	json_t *all = json_object();
	const struct entries *users = &import->backlog.kind[KIND_USER];
	for (size_t i = 0; i < users->count; i++)
		if (users->at[i].id)
			json_object_set_new(all, entry_text(&users->at[i], "username"),
			                    json_string(users->at[i].id));
	return all;
}

static json_t *projects_json(const struct import *import)
{
	json_t *all = json_object();
	const struct entries *projects = &import->backlog.kind[KIND_PROJECT];
	for (size_t i = 0; import->project_ids && i < projects->count; i++)
		json_object_set_new(all, entry_text(&projects->at[i], "key"),
		                    json_integer(import->project_ids[i]));
	return all;
}

/* For programs: ids, counts. int64 as everywhere in JSON here would be strings; these are small. */
static void print_json(const struct import *import)
{
	json_t *root = json_pack("{s:I, s:o, s:o, s:o, s:f}", "organizationId",
	                         (json_int_t)import->organization_id, "users", users_json(import),
	                         "projects", projects_json(import), "counts", counts_json(import),
	                         "seconds", import->seconds);
	json_dumpf(root, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
	fputc('\n', stdout);
	json_decref(root);
}

static size_t items_of(const struct import *import)
{
	size_t total = 0;
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		total += import->backlog.kind[kind].count;
	return total;
}

/* A call whose time was over while the server was away does not tell it from a slow one. */
static bool server_is_away(const struct import *import)
{
	struct prism_result ping;
	if (import->result.status == PRISM_UNAVAILABLE)
		return true;
	return import->result.status == PRISM_DEADLINE_EXCEEDED &&
	       prism_ping_wait(import->channel, AWAY_MS, NULL, &ping) != PRISM_OK;
}

static int conclude(const struct import *import)
{
	size_t total = items_of(import);
	if (import->options->output == OUTPUT_JSON)
		print_json(import);
	else
		print_counts(import, stdout);
	if (!import->options->quiet)
		fprintf(stderr, "%s %zu lines in %.1f s, %.0f a second; organization %lld\n",
		        import->backlog.faults ? "sent" : "imported", total, import->seconds,
		        import->seconds > 0 ? (double)total / import->seconds : 0.0,
		        (long long)import->organization_id);
	if (import->backlog.faults == 0)
		return report_output(EXIT_DONE);
	fprintf(stderr,
	        "prismctl: %zu faults; what was imported stays, run it again to complete it\n",
	        import->backlog.faults);
	return report_output(server_is_away(import) ? EXIT_UNAVAILABLE : EXIT_FAILED);
}

static void run(struct import *import)
{
	import_people(import);
	if (!import->broken)
		import_projects(import);
	if (!import->broken)
		import_stories(import);
	if (!import->broken)
		import_documents(import);
}

static enum prism_status open_channel(struct import *import, char message[256])
{
	struct prism_channel_options options = import->options->channel;
	if (options.retry.max_attempts == 0)
		options.retry.max_attempts = IMPORT_ATTEMPTS;
	return prism_channel_open(&import->channel, &options, NULL, message);
}

/* A server that is not there at first is told at once; one that goes away later is waited for. */
static int import_all(struct import *import)
{
	if (!import->options->wait &&
	    prism_ping_wait(import->channel, 0, NULL, &import->result) != PRISM_OK)
		return report_result(import->options, &import->result);
	import->call = options_call(import->options, false);
	import->call.wait_for_ready = true;
	import->call.actor = ""; /* the file says who made and owns what */
	progress_init(&import->progress, import->options->quiet);
	run(import);
	return conclude(import);
}

static int send_all(struct import *import)
{
	char message[256];
	enum prism_status status = open_channel(import, message);
	if (status != PRISM_OK)
		return report_open(status, message);
	int code = import_all(import);
	prism_channel_close(import->channel, NULL, NULL);
	return code;
}

static int check_only(const struct import *import)
{
	json_t *all = json_object();
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		size_t count = import->backlog.kind[kind].count;
		if (import->options->output == OUTPUT_TABLE)
			printf("%-13s %7zu\n", backlog_kinds[kind], count);
		json_object_set_new(all, backlog_kinds[kind], json_integer((json_int_t)count));
	}
	if (import->options->output == OUTPUT_JSON)
		json_print(json_incref(all), stdout);
	json_decref(all);
	return report_output(EXIT_DONE);
}

int verb_import(const struct options *options)
{
	if (options->argument_count != 1)
		return report_usage("import takes one file (- for standard input)");
	struct import import = {.options = options};
	int code = EXIT_USAGE;
	if (backlog_read(&import.backlog, options->arguments[0]))
		code = options->dry_run ? check_only(&import) : send_all(&import);
	free(import.project_ids);
	backlog_free(&import.backlog);
	return code;
}
