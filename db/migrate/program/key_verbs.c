/* create-key, list-keys, revoke-key, keys, conninfo. */
#include "db/keys/service_key.h"
#include "db/migrate/program/table.h"
#include "db/migrate/program/verb.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 1024, KEY_COUNTS_MAX = KEYRING_KEYS_MAX };

static void print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(value);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static bool add_scope(struct service_key_spec *spec, const char *scope)
{
	if (!service_key_scope_known(scope)) {
		say("there is no scope '%s': the scopes are %s", scope, service_key_scopes);
		return false;
	}
	for (size_t i = 0; i < spec->scope_count; i++)
		if (strcmp(spec->scopes[i], scope) == 0)
			return true;
	spec->scopes[spec->scope_count++] = scope;
	return true;
}

static bool name_is_fit(const char *name)
{
	size_t length = strlen(name);
	bool fit = length > 0 && length <= SERVICE_KEY_NAME_MAX;
	for (size_t i = 0; i < length && fit; i++)
		fit = name[i] > ' ' && name[i] <= '~';
	if (!fit)
		say("a name has 1 to %d visible ASCII characters and no blanks",
		    SERVICE_KEY_NAME_MAX);
	return fit;
}

static bool read_spec(const struct options *options, struct service_key_spec *spec)
{
	int64_t days = 0;
	*spec = (struct service_key_spec){.name = options->name,
	                                  .label = options->label ? options->label : ""};
	if (!options->name || options->scope_count == 0) {
		say("create-key needs --name NAME and --scope SCOPE (one or more of %s)",
		    service_key_scopes);
		return false;
	}
	for (size_t i = 0; i < options->scope_count; i++)
		if (!add_scope(spec, options->scopes[i]))
			return false;
	if (!name_is_fit(options->name) ||
	    (options->label && *options->label && !name_is_fit(options->label)) ||
	    (options->organization && !options_number("--organization", options->organization, 1,
	                                              INT64_MAX, &spec->organization_id)) ||
	    (options->expires &&
	     !options_number("--expires (days)", options->expires, 1, SERVICE_KEY_DAYS_MAX, &days)))
		return false;
	spec->expires_days = (uint32_t)days;
	return true;
}

/* The key alone on standard output, so that `> file` keeps it. */
static void print_made(const struct service_key_made *made, const struct options *options,
                       const char *state_dir)
{
	if (options->json) {
		print_json(json_pack("{s:I, s:I, s:s}", "id", (json_int_t)made->id, "principal_id",
		                     (json_int_t)made->principal_id, "key", made->token));
		return;
	}
	say("key %" PRId64 " of principal %" PRId64
	    ", hashed by the keyring in %s; it is shown this once:",
	    made->id, made->principal_id, state_dir);
	printf("%s\n", made->token);
}

static enum exit_code create_with(PGconn *connection, const struct keyring *keyring,
                                  const struct service_key_spec *spec,
                                  const struct options *options, const char *state_dir)
{
	char message[MESSAGE_SIZE];
	struct service_key_made made;
	if (!service_key_create(connection, keyring, spec, &made, message, sizeof(message))) {
		say("%s", message);
		return EXIT_FAILED;
	}
	print_made(&made, options, state_dir);
	sodium_memzero(&made, sizeof(made));
	return EXIT_DONE;
}

static bool open_keyring(struct keyring **out, const char *state_dir)
{
	char message[KEYRING_MESSAGE_SIZE], path[STATE_PATH_SIZE];
	bool there = state_path(path, state_dir, "keyring", message, sizeof(message)) &&
	             access(path, F_OK) == 0;
	if (!keyring_open(out, state_dir, message)) {
		say("%s", message);
		return false;
	}
	if (!there)
		say("made a new keyring in %s; prismd has to use the same state directory",
		    state_dir);
	return true;
}

enum exit_code verb_create_key(const struct options *options)
{
	struct database database;
	struct service_key_spec spec;
	struct keyring *keyring;
	PGconn *connection;
	if (!read_spec(options, &spec))
		return EXIT_USAGE;
	enum exit_code code = database_connect(&database, options, &connection);
	if (code != EXIT_DONE)
		return code;
	code = EXIT_FAILED;
	if (open_keyring(&keyring, database.state_dir)) {
		code = create_with(connection, keyring, &spec, options, database.state_dir);
		keyring_close(keyring);
	}
	database_disconnect(&database, connection);
	return code;
}

struct key_list {
	struct table *table; /* or: */
	json_t *list;
};

static json_t *key_json(const struct service_key_row *row)
{
	json_t *scopes = json_array();
	for (const char *at = row->scopes; *at;) {
		size_t length = strcspn(at, " ");
		json_array_append_new(scopes, json_stringn(at, length));
		at += length + (at[length] == ' ');
	}
	return json_pack("{s:I, s:s, s:s, s:o, s:o, s:s, s:I, s:s, s:o, s:o, s:o}", "id",
	                 (json_int_t)strtoll(row->id, NULL, 10), "name", row->name, "state",
	                 row->state, "scopes", scopes, "organization_id",
	                 *row->organization_id
	                         ? json_integer(strtoll(row->organization_id, NULL, 10))
	                         : json_null(),
	                 "label", row->label, "key_id", (json_int_t)strtoll(row->key_id, NULL, 10),
	                 "created_at", row->created_at, "expires_at", text_or_null(row->expires_at),
	                 "last_used_at", text_or_null(row->last_used_at), "revoked_at",
	                 text_or_null(row->revoked_at));
}

static void list_each(void *ctx, const struct service_key_row *row)
{
	struct key_list *list = ctx;
	const char *cells[] = {row->id,
	                       row->name,
	                       row->label,
	                       row->scopes,
	                       *row->organization_id ? row->organization_id : "any",
	                       row->state,
	                       row->created_at,
	                       *row->expires_at ? row->expires_at : "never"};
	if (list->list)
		json_array_append_new(list->list, key_json(row));
	else
		table_add(list->table, cells, sizeof(cells) / sizeof(cells[0]));
}

enum exit_code verb_list_keys(const struct options *options)
{
	static const char *const header[] = {"ID",           "NAME",  "LABEL",   "SCOPES",
	                                     "ORGANIZATION", "STATE", "CREATED", "EXPIRES"};
	struct database database;
	PGconn *connection;
	char message[MESSAGE_SIZE];
	enum exit_code code = database_connect(&database, options, &connection);
	if (code != EXIT_DONE)
		return code;
	struct key_list list = {.table = table_new(header, sizeof(header) / sizeof(header[0])),
	                        .list = options->json ? json_array() : NULL};
	bool listed = service_key_list(connection, list_each, &list, message, sizeof(message));
	if (!listed)
		say("%s", message);
	else if (list.list)
		print_json(json_incref(list.list));
	else
		table_print(list.table, stdout);
	json_decref(list.list);
	table_free(list.table);
	database_disconnect(&database, connection);
	return listed ? EXIT_DONE : EXIT_FAILED;
}

enum exit_code verb_revoke_key(const struct options *options)
{
	struct database database;
	PGconn *connection;
	char message[MESSAGE_SIZE];
	int64_t id;
	bool found = false;
	if (!options_number("a key's id (prism-db list-keys)", options->operands[1], 1, INT64_MAX,
	                    &id))
		return EXIT_USAGE;
	enum exit_code code = database_connect(&database, options, &connection);
	if (code != EXIT_DONE)
		return code;
	bool done = service_key_revoke(connection, id, &found, message, sizeof(message));
	if (!done)
		say("%s", message);
	else if (found)
		say("key %" PRId64 " is revoked; a running prismd refuses it within 10 s", id);
	else
		say("there is no key %" PRId64 ": prism-db list-keys shows them", id);
	database_disconnect(&database, connection);
	return done && found ? EXIT_DONE : EXIT_FAILED;
}

/* How many service keys each root key made: "" when no database is there to ask. */
static void count_keys(const struct database *database, uint32_t key_id, char out[24])
{
	char message[MESSAGE_SIZE], id[16];
	const char *values[] = {id};
	out[0] = '\0';
	if (!database->conninfo)
		return;
	snprintf(id, sizeof(id), "%" PRIu32, key_id);
	DB_CONNECTION connection =
		db_connect(database->conninfo, "prism-db", message, sizeof(message));
	if (!connection || !service_keys_exist(connection, message, sizeof(message)))
		return;
	DB_RESULT result = db_run(connection, "count the keys",
	                          "SELECT count(*) FROM service_keys WHERE key_id = $1", 1, values,
	                          message, sizeof(message));
	if (result)
		snprintf(out, 24, "%s", PQgetvalue(result, 0, 0));
}

static void print_status(const struct keyring *keyring, const struct database *database, bool json)
{
	static const char *const header[] = {"KEY", "STATE", "SERVICE KEYS"};
	struct table *table = table_new(header, 3);
	json_t *list = json_array();
	for (size_t i = 0; i < keyring_count(keyring); i++) {
		uint32_t key_id = keyring_key_id(keyring, i);
		char count[24], id[16];
		count_keys(database, key_id, count);
		snprintf(id, sizeof(id), "%" PRIu32, key_id);
		const char *cells[] = {id, i == 0 ? "active" : "old", *count ? count : "?"};
		table_add(table, cells, 3);
		json_array_append_new(
			list,
			json_pack("{s:I, s:s, s:o}", "key_id", (json_int_t)key_id, "state",
		                  cells[1], "service_keys",
		                  *count ? json_integer(strtoll(count, NULL, 10)) : json_null()));
	}
	if (json)
		print_json(json_incref(list));
	else
		table_print(table, stdout);
	json_decref(list);
	table_free(table);
}

static enum exit_code keys_status(const struct options *options)
{
	struct database database;
	struct keyring *keyring;
	if (!database_open(&database, options, DATABASE_OPTIONAL))
		return EXIT_UNREACHABLE;
	bool opened = open_keyring(&keyring, database.state_dir);
	if (opened) {
		print_status(keyring, &database, options->json);
		keyring_close(keyring);
	}
	database_close(&database);
	return opened ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code keys_rotate(const struct options *options)
{
	struct database database;
	char message[KEYRING_MESSAGE_SIZE];
	if (!database_open(&database, options, DATABASE_OPTIONAL))
		return EXIT_UNREACHABLE;
	bool rotated = keyring_rotate(database.state_dir, message);
	if (rotated)
		say("a new active key is in %s/keyring; restart prismd before keys are made with "
		    "it",
		    database.state_dir);
	else
		say("%s", message);
	database_close(&database);
	return rotated ? EXIT_DONE : EXIT_FAILED;
}

enum exit_code verb_keys(const struct options *options)
{
	if (strcmp(options->operands[1], "status") == 0)
		return keys_status(options);
	if (strcmp(options->operands[1], "rotate") == 0)
		return keys_rotate(options);
	say("there is no `keys %s`: it is `keys status` or `keys rotate`", options->operands[1]);
	return EXIT_USAGE;
}

/* For psql and scripts; a server that was started for it would be gone before they use it. */
enum exit_code verb_conninfo(const struct options *options)
{
	struct database database;
	if (!database_open(&database, options, DATABASE_OPTIONAL))
		return EXIT_UNREACHABLE;
	bool there = database.conninfo != NULL;
	if (!there)
		say("the embedded PostgreSQL of %s does not run: start prismd", database.state_dir);
	else if (options->json)
		print_json(json_pack("{s:s}", "conninfo", database.conninfo));
	else
		printf("%s\n", database.conninfo);
	database_close(&database);
	return there ? EXIT_DONE : EXIT_UNREACHABLE;
}
