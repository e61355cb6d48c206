#include "db/migrate/catalog/catalog.h"
#include "db/migrate/catalog/canonical.h"
#include "db/migrate/catalog/link.h"
#include "db/migrate/catalog/query.h"
#include "db/migrate/memory.h"
#include "db/startup/connect.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct kind_info kinds[KIND_COUNT] = {
#define KIND(constant, name, make_rank, drop_rank) {name, make_rank, drop_rank},
#include "db/migrate/catalog/kinds.def"
#undef KIND
};

enum { RESULTS_MAX = 64 };

/* Owns what the objects point to. */
struct loaded {
	struct catalog catalog; /* first: catalog_free() gets its address */
	PGresult *results[RESULTS_MAX];
	size_t result_count, capacity;
	const PGresult *casts; /* one of them */
	char **made;           /* texts that were put together here */
	size_t made_count, made_capacity;
};

/* How texts are written that the server derives from what it has stored. */
static const char session_sql[] =
	"SET LOCAL search_path = public; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO';"
	"SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1;"
	"SET LOCAL bytea_output = 'hex'; SET LOCAL quote_all_identifiers = off;"
	"SET LOCAL jit = off";

static const char *column(const PGresult *result, int row, const char *name)
{
	int at = PQfnumber(result, name);
	return at < 0 ? "" : PQgetvalue(result, row, at);
}

static struct address address_at(const PGresult *result, int row, const char *class_name,
                                 const char *oid, const char *sub)
{
	return (struct address){
		(uint32_t)strtoul(column(result, row, class_name), NULL, 10),
		(uint32_t)strtoul(column(result, row, oid), NULL, 10),
		(int32_t)strtol(column(result, row, sub), NULL, 10),
	};
}

static enum kind kind_of(const char *name)
{
	enum kind kind = 0;
	while (kind < KIND_COUNT && strcmp(kinds[kind].name, name) != 0)
		kind++;
	return kind;
}

static void take_row(struct object *object, const PGresult *result, int row)
{
	const char *flags = column(result, row, "flags");
	*object = (struct object){
		.kind = object->kind,
		.builtin = strchr(flags, 'b'),
		.implied = strchr(flags, 'i'),
		.only_new = strchr(flags, 'n'),
		.bracketed = strchr(flags, '('),
		.appended = strchr(flags, '+'),
		.address = address_at(result, row, "class", "oid", "sub"),
		.parent_address =
			address_at(result, row, "parent_class", "parent_oid", "parent_sub"),
		.name = column(result, row, "name"),
		.definition = column(result, row, "definition"),
		.shape = column(result, row, "shape"),
		.make = column(result, row, "make"),
		.make_online = column(result, row, "make_online"),
		.change = column(result, row, "change"),
		.change_online = column(result, row, "change_online"),
		.replace_online = column(result, row, "replace_online"),
		.drop = column(result, row, "drop"),
		.drop_online = column(result, row, "drop_online"),
		.rename = column(result, row, "rename"),
		.old_name = column(result, row, "old_name"),
		.aside = column(result, row, "aside"),
		.drop_aside = column(result, row, "drop_aside"),
		.base = column(result, row, "base"),
		.using_cast = column(result, row, "using_cast"),
		.using_text = column(result, row, "using_text"),
		.part = column(result, row, "part"),
		.label = column(result, row, "label"),
		.claim = column(result, row, "claim"),
	};
}

static void add_object(struct loaded *loaded, const PGresult *result, int row, enum kind kind)
{
	struct object *object = must_zero(1, sizeof(*object));
	object->kind = kind;
	take_row(object, result, row);
	if (loaded->catalog.count == loaded->capacity) {
		loaded->capacity = loaded->capacity * 2 + 256;
		loaded->catalog.at = must(
			realloc(loaded->catalog.at, loaded->capacity * sizeof(struct object *)));
	}
	loaded->catalog.at[loaded->catalog.count++] = object;
}

/* The queries are our own: what is not an object, a cast or a dependency is our mistake. */
static void take_result(struct loaded *loaded, struct links *links, PGresult *result)
{
	assert(loaded->result_count < RESULTS_MAX);
	loaded->results[loaded->result_count++] = result;
	for (int row = 0; row < PQntuples(result); row++) {
		const char *name = column(result, row, "kind");
		enum kind kind = kind_of(name);
		if (kind < KIND_COUNT) {
			add_object(loaded, result, row, kind);
		} else if (strcmp(name, "cast") == 0) {
			loaded->casts = result;
		} else {
			assert(strcmp(name, "dependency") == 0);
			links_add(
				links, address_at(result, row, "class", "oid", "sub"),
				address_at(result, row, "parent_class", "parent_oid", "parent_sub"),
				strcmp(column(result, row, "flags"), "i") == 0);
		}
	}
}

/* Takes the results of all statements; false, with a message, when one failed. */
static bool take_results(struct loaded *loaded, struct links *links, PGconn *connection,
                         char *message, size_t message_size)
{
	PGresult *result;
	bool taken = true;
	while ((result = PQgetResult(connection))) {
		if (PQresultStatus(result) == PGRES_TUPLES_OK) {
			take_result(loaded, links, result);
			continue;
		}
		taken = false;
		db_message(message, message_size, "read the catalog", PQerrorMessage(connection));
		PQclear(result);
	}
	return taken;
}

static bool command(PGconn *connection, const char *sql, char *message, size_t message_size)
{
	DB_RESULT result = PQexec(connection, sql);
	if (PQresultStatus(result) == PGRES_COMMAND_OK)
		return true;
	db_message(message, message_size, "read the catalog", PQerrorMessage(connection));
	return false;
}

static bool query(struct loaded *loaded, struct links *links, PGconn *connection, char *message,
                  size_t message_size)
{
	bool own = PQtransactionStatus(connection) == PQTRANS_IDLE;
	if (own && !command(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", message,
	                    message_size))
		return false;
	bool read = command(connection, session_sql, message, message_size);
	if (read) {
		read = PQsendQuery(connection, catalog_query) == 1;
		if (!read)
			db_message(message, message_size, "read the catalog",
			           PQerrorMessage(connection));
	}
	read = read && take_results(loaded, links, connection, message, message_size);
	if (own)
		PQclear(PQexec(connection, "ROLLBACK"));
	return read;
}

static char *concatenate(const char *first, const char *second, const char *third,
                         const char *fourth)
{
	struct text text = {0};
	text_add_all(&text, first, second, third, fourth, NULL);
	return text_take(&text);
}

static const char *keep(struct loaded *loaded, char *string)
{
	if (loaded->made_count == loaded->made_capacity) {
		loaded->made_capacity = loaded->made_capacity * 2 + 64;
		loaded->made = must(realloc(loaded->made, loaded->made_capacity * sizeof(char *)));
	}
	return loaded->made[loaded->made_count++] = string;
}

/* A comment is named by what it is on. */
static void word_comment(struct loaded *loaded, struct object *object)
{
	if (!object->label[0])
		object->label = object->parent->label;
	object->name = object->label;
	object->make =
		keep(loaded, concatenate("COMMENT ON ", object->label, " IS ", object->definition));
	object->change = object->make;
	object->drop = keep(loaded, concatenate("COMMENT ON ", object->label, " IS NULL", ""));
}

static void make_canonical(struct loaded *loaded, struct object *object)
{
	const char **texts[] = {&object->definition,  &object->shape,          &object->make,
	                        &object->make_online, &object->replace_online, &object->change,
	                        &object->part};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *text = canonical_text(*texts[i]);
		if (text)
			*texts[i] = keep(loaded, text);
	}
}

static void word_objects(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->catalog.count; i++) {
		struct object *object = loaded->catalog.at[i];
		if (object->kind == KIND_COMMENT)
			word_comment(loaded, object);
		else if (object->kind != KIND_FUNCTION && object->kind != KIND_PROCEDURE)
			make_canonical(loaded, object);
	}
}

int object_compare(const struct object *a, const struct object *b)
{
	return a->kind != b->kind ? (a->kind > b->kind) - (a->kind < b->kind)
	                          : strcmp(a->name, b->name);
}

static int compare(const void *a, const void *b)
{
	return object_compare(*(struct object *const *)a, *(struct object *const *)b);
}

bool catalog_read(struct catalog **out, PGconn *connection, char *message, size_t message_size)
{
	struct loaded *loaded = must_zero(1, sizeof(*loaded));
	struct links links = {0};
	bool read = query(loaded, &links, connection, message, message_size);
	if (read) {
		struct catalog *catalog = &loaded->catalog;
		links_resolve(&links, catalog);
		word_objects(loaded);
		if (catalog->count)
			qsort(catalog->at, catalog->count, sizeof(struct object *), compare);
		for (size_t i = 0; i < catalog->count; i++)
			catalog->at[i]->index = i;
		*out = catalog;
	} else {
		catalog_free(&loaded->catalog);
	}
	links_clear(&links);
	return read;
}

struct catalog *catalog_empty(const struct catalog *of)
{
	struct loaded *loaded = must_zero(1, sizeof(*loaded));
	loaded->catalog.at = must_zero(of->count, sizeof(struct object *));
	for (size_t i = 0; i < of->count; i++) {
		if (!of->at[i]->builtin)
			continue;
		struct object *object = must_zero(1, sizeof(*object));
		*object = *of->at[i];
		object->needs = NULL;
		object->need_count = 0;
		object->parent = NULL;
		object->index = loaded->catalog.count;
		loaded->catalog.at[loaded->catalog.count++] = object;
	}
	return &loaded->catalog;
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	struct loaded *loaded = (struct loaded *)catalog;
	for (size_t i = 0; i < loaded->catalog.count; i++) {
		free(loaded->catalog.at[i]->needs);
		free(loaded->catalog.at[i]);
	}
	for (size_t i = 0; i < loaded->result_count; i++)
		PQclear(loaded->results[i]);
	for (size_t i = 0; i < loaded->made_count; i++)
		free(loaded->made[i]);
	free(loaded->made);
	free(loaded->catalog.at);
	free(loaded);
}

struct object *catalog_find(const struct catalog *catalog, enum kind kind, const char *name)
{
	const struct object wanted = {.kind = kind, .name = name};
	const struct object *key = &wanted;
	if (catalog->count == 0)
		return NULL;
	struct object **found =
		bsearch(&key, catalog->at, catalog->count, sizeof(struct object *), compare);
	return found ? *found : NULL;
}

char catalog_cast(const struct catalog *catalog, const char *source, const char *target)
{
	const struct loaded *loaded = (const struct loaded *)catalog;
	size_t len = strlen(source);
	for (int row = 0; loaded->casts && row < PQntuples(loaded->casts); row++) {
		const char *name = column(loaded->casts, row, "name");
		if (strncmp(name, source, len) == 0 && strncmp(name + len, " to ", 4) == 0 &&
		    strcmp(name + len + 4, target) == 0)
			return column(loaded->casts, row, "flags")[0];
	}
	return '\0';
}

static void hash(crypto_hash_sha256_state *state, const char *text)
{
	crypto_hash_sha256_update(state, (const uint8_t *)text, strlen(text) + 1);
}

void catalog_fingerprint(const struct catalog *catalog, char fingerprint[CATALOG_FINGERPRINT_SIZE])
{
	crypto_hash_sha256_state state;
	uint8_t digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < catalog->count; i++) {
		const struct object *object = catalog->at[i];
		if (object->only_new)
			continue;
		hash(&state, kinds[object->kind].name);
		hash(&state, object->name);
		hash(&state, object->definition);
	}
	crypto_hash_sha256_final(&state, digest);
	sodium_bin2hex(fingerprint, CATALOG_FINGERPRINT_SIZE, digest, sizeof(digest));
}
