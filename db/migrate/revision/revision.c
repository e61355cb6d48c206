#include "db/migrate/revision/revision.h"
#include "db/migrate/revision/draft.h"
#include "db/migrate/revision/write.h"
#include "db/migrate/shadow/shadow.h"
#include "db/startup/connect.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often what a run left undone is added before it counts as impossible. */
enum { ROUNDS = DRAFT_PLANS_MAX - 1, SLUG_MAX = 60 };

struct making {
	const struct revision_settings *settings;
	struct migration_set *known;
	uint32_t revision;
	char slug[SLUG_MAX + 1];
	struct declared declared;
	struct hints hints;
	struct shadow shadow;
	struct catalog *built, *target; /* by the migrations; declared */
	struct catalog *renamed;        /* after the renames; `built` if there are none */
	struct draft up, down;
	char *up_text, *down_text;
	char *message; /* of MIGRATE_MESSAGE_SIZE */
};

static void tell(const struct making *making, const char *line)
{
	if (making->settings->note)
		making->settings->note(making->settings->ctx, line);
}

/* --- the draft ----------------------------------------------------------------------------------
 */

static bool make_slug(struct making *making)
{
	size_t len = 0;
	for (const char *at = making->settings->title; *at && len < SLUG_MAX; at++) {
		if (isalnum((unsigned char)*at))
			making->slug[len++] = (char)tolower((unsigned char)*at);
		else if (len > 0 && making->slug[len - 1] != '_')
			making->slug[len++] = '_';
	}
	while (len > 0 && making->slug[len - 1] == '_')
		len--;
	making->slug[len] = '\0';
	if (len == 0)
		snprintf(making->message, MIGRATE_MESSAGE_SIZE,
		         "-m says what the migration is about, in letters and digits: it becomes "
		         "the "
		         "files' name");
	return len > 0;
}

/* Tries the renames, in a transaction that is rolled back: the rest is compared as it is after
 * them. */
static bool read_renamed(struct making *making)
{
	PGconn *connection = making->shadow.connection;
	DB_RESULT begun = PQexec(connection, "BEGIN; SET LOCAL search_path = public");
	bool fine = PQresultStatus(begun) == PGRES_COMMAND_OK;
	for (size_t i = 0; fine && i < making->hints.count; i++) {
		const struct hint *hint = &making->hints.at[i];
		if (hint->used)
			continue;
		DB_RESULT result = PQexec(connection, hint->up);
		fine = PQresultStatus(result) == PGRES_COMMAND_OK;
		if (!fine)
			snprintf(making->message, MIGRATE_MESSAGE_SIZE, "%s:%u: %s: %s", hint->file,
			         hint->line, hint->up,
			         PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
	}
	fine = fine &&
	       catalog_read(&making->renamed, connection, making->message, MIGRATE_MESSAGE_SIZE);
	PQclear(PQexec(connection, "ROLLBACK"));
	return fine;
}

static void tell_used(const struct making *making)
{
	char line[512];
	for (size_t i = 0; i < making->hints.count; i++) {
		const struct hint *hint = &making->hints.at[i];
		if (!hint->used)
			continue;
		snprintf(line, sizeof(line), "%s:%u: the rename to %s is done; its comment may go",
		         hint->file, hint->line,
		         hint->new_label ? hint->new_label : hint->new_name);
		tell(making, line);
	}
}

static bool renames(const struct making *making)
{
	for (size_t i = 0; i < making->hints.count; i++)
		if (!making->hints.at[i].used)
			return true;
	return false;
}

static bool read_schemas(struct making *making)
{
	char *message = making->message;
	const struct revision_settings *settings = making->settings;
	struct shadow *shadow = &making->shadow;
	if (!declared_read(&making->declared, settings->schema, message, MIGRATE_MESSAGE_SIZE) ||
	    !hints_read(&making->hints, &making->declared, message, MIGRATE_MESSAGE_SIZE) ||
	    !shadow_open(shadow, settings->conninfo, message, MIGRATE_MESSAGE_SIZE) ||
	    !declared_catalog(&making->declared, shadow->connection, &making->target, message,
	                      MIGRATE_MESSAGE_SIZE) ||
	    !shadow_upgrade(shadow, making->known, "head", message) ||
	    !catalog_read(&making->built, shadow->connection, message, MIGRATE_MESSAGE_SIZE) ||
	    !hints_settle(&making->hints, making->built, message, MIGRATE_MESSAGE_SIZE))
		return false;
	tell_used(making);
	if (renames(making))
		return read_renamed(making);
	making->renamed = making->built;
	return true;
}

static bool make_draft(struct making *making)
{
	const struct plan_settings settings = {.online = true};
	struct plan *up = plan_make(making->renamed, making->target, &settings);
	making->up = (struct draft){.renames = &making->hints, .up = true};
	making->down = (struct draft){.renames = &making->hints, .up = false};
	draft_add(&making->up, up);
	draft_add(&making->down, plan_make(making->target, making->renamed, &settings));
	if (*up->by_hand)
		snprintf(
			making->message, MIGRATE_MESSAGE_SIZE,
			"prism-db does not write these: make a revision without --autogenerate for "
			"them\n%s",
			up->by_hand);
	return !*up->by_hand;
}

static void write_texts(struct making *making)
{
	struct text comment = {0};
	text_add_all(&comment, "-- ", making->settings->title, "\n", NULL);
	free(making->up_text);
	free(making->down_text);
	making->up_text = draft_text(&making->up, text_string(&comment));
	making->down_text = draft_text(&making->down, "");
	text_clear(&comment);
}

/* --- the proof ----------------------------------------------------------------------------------
 */

static void checksum(const char *text, char sha256[MIGRATION_SHA_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(hash, (const uint8_t *)text, strlen(text));
	sodium_bin2hex(sha256, MIGRATION_SHA_SIZE, hash, sizeof(hash));
}

/* The known migrations and the draft. The caller frees `at`. */
static struct migration_set with_draft(const struct making *making)
{
	size_t count = making->known->count;
	struct migration *all = must_zero(count + 1, sizeof(struct migration));
	memcpy(all, making->known->at, count * sizeof(struct migration));
	all[count] = (struct migration){.revision = making->revision,
	                                .name = making->slug,
	                                .up = making->up_text,
	                                .down = making->down_text};
	checksum(making->up_text, all[count].up_sha256);
	checksum(making->down_text, all[count].down_sha256);
	return (struct migration_set){all, count + 1};
}

static bool equal(const struct catalog *one, const struct catalog *other)
{
	char first[CATALOG_FINGERPRINT_SIZE], second[CATALOG_FINGERPRINT_SIZE];
	catalog_fingerprint(one, first);
	catalog_fingerprint(other, second);
	return strcmp(first, second) == 0;
}

struct listing {
	struct text text;
	size_t count;
};

static void list(void *ctx, const struct object *from, const struct object *to)
{
	struct listing *listing = ctx;
	const struct object *object = to ? to : from;
	if (listing->count++ < 5)
		text_add_all(&listing->text, listing->count > 1 ? ", " : "",
		             kinds[object->kind].name, " ", object->name, NULL);
}

enum proof { PROOF_HOLDS, PROOF_AGAIN, PROOF_FAILS };

/* What a direction led to, against what it should: the rest of the way is added to it. */
static enum proof judge(struct making *making, struct draft *draft, const struct catalog *wanted)
{
	const struct plan_settings settings = {.online = true};
	struct catalog *reached;
	struct listing listing = {0};
	if (!catalog_read(&reached, making->shadow.connection, making->message,
	                  MIGRATE_MESSAGE_SIZE))
		return PROOF_FAILS;
	enum proof proof = equal(reached, wanted) ? PROOF_HOLDS : PROOF_AGAIN;
	if (proof == PROOF_AGAIN) {
		plan_differences(reached, wanted, list, &listing);
		struct plan *rest = plan_make(reached, wanted, &settings);
		if (rest->count > 0 && draft->count <= ROUNDS) {
			draft_add(draft, rest);
		} else {
			proof = PROOF_FAILS;
			plan_free(rest);
			snprintf(making->message, MIGRATE_MESSAGE_SIZE,
			         "the %s does not lead to the %s schema; what stays different: %s",
			         draft->up ? "up" : "down", draft->up ? "declared" : "former",
			         text_string(&listing.text));
		}
		text_clear(&listing.text);
	}
	catalog_free(reached);
	return proof;
}

static enum proof prove_once(struct making *making)
{
	enum proof proof = PROOF_FAILS;
	write_texts(making);
	struct migration_set all = with_draft(making);
	if (shadow_upgrade(&making->shadow, &all, "head", making->message))
		proof = judge(making, &making->up, making->target);
	if (proof == PROOF_HOLDS)
		proof = shadow_downgrade(&making->shadow, &all, "-1", making->message)
		                ? judge(making, &making->down, making->built)
		                : PROOF_FAILS;
	free((struct migration *)all.at);
	return proof;
}

static bool renew_shadow(struct making *making)
{
	shadow_close(&making->shadow);
	return shadow_open(&making->shadow, making->settings->conninfo, making->message,
	                   MIGRATE_MESSAGE_SIZE) &&
	       shadow_upgrade(&making->shadow, making->known, "head", making->message);
}

static bool prove(struct making *making)
{
	enum proof proof = prove_once(making);
	while (proof == PROOF_AGAIN)
		proof = renew_shadow(making) ? prove_once(making) : PROOF_FAILS;
	if (proof == PROOF_HOLDS)
		return true;
	tell(making, "nothing is written; this was tried:");
	tell(making, making->up_text);
	tell(making, "-- and back:");
	tell(making, making->down_text);
	return false;
}

/* --- all of it ----------------------------------------------------------------------------------
 */

static void clear(struct making *making)
{
	shadow_close(&making->shadow);
	draft_clear(&making->up);
	draft_clear(&making->down);
	if (making->renamed != making->built)
		catalog_free(making->renamed);
	catalog_free(making->built);
	catalog_free(making->target);
	hints_clear(&making->hints);
	declared_clear(&making->declared);
	migration_set_free(making->known);
	free(making->up_text);
	free(making->down_text);
}

static enum revision_status generate(struct making *making)
{
	if (!read_schemas(making) || !make_draft(making))
		return REVISION_FAILED;
	if (draft_is_empty(&making->up))
		return REVISION_NOTHING;
	return prove(making) ? REVISION_MADE : REVISION_FAILED;
}

static enum revision_status leave_to_hand(struct making *making)
{
	struct text up = {0}, down = {0};
	text_add_all(&up, "-- ", making->settings->title, ": why.\n", NULL);
	text_add_all(&down, "-- Takes ", making->slug, " back.\n", NULL);
	making->up_text = text_take(&up);
	making->down_text = text_take(&down);
	return REVISION_MADE;
}

enum revision_status revision_make(const struct revision_settings *settings,
                                   char name[REVISION_NAME_SIZE],
                                   char message[MIGRATE_MESSAGE_SIZE])
{
	struct making making = {.settings = settings, .message = message};
	if (!make_slug(&making) ||
	    !migration_set_load(&making.known, settings->migrations, message, MIGRATE_MESSAGE_SIZE))
		return REVISION_BAD;
	making.revision = (uint32_t)making.known->count + 1;
	enum revision_status status =
		settings->conninfo ? generate(&making) : leave_to_hand(&making);
	snprintf(name, REVISION_NAME_SIZE, "%04u_%s", making.revision, making.slug);
	if (status == REVISION_MADE && !write_pair(settings->migrations, name, making.up_text,
	                                           making.down_text, message, MIGRATE_MESSAGE_SIZE))
		status = REVISION_FAILED;
	clear(&making);
	return status;
}
