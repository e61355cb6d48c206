#include "db/keys/service_key.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char service_key_scopes[] = "system, act-as-user, read-only, metrics";

enum { SCOPES_TEXT_SIZE = 64 };

bool service_key_scope_known(const char *name)
{
	static const char *const names[] = {"system", "act-as-user", "read-only", "metrics"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool service_keys_exist(PGconn *connection, char *message, size_t message_size)
{
	DB_RESULT result = db_run(connection, "look for service_keys",
	                          "SELECT to_regclass('service_keys') IS NOT NULL", 0, NULL,
	                          message, message_size);
	if (!result)
		return false;
	if (PQgetvalue(result, 0, 0)[0] == 't')
		return true;
	snprintf(message, message_size,
	         "the database has no table of service keys yet: run `prism-db upgrade head`");
	return false;
}

static bool organization_exists(PGconn *connection, int64_t id, char *message, size_t message_size)
{
	char text[24];
	const char *values[] = {text};
	if (id == 0)
		return true;
	snprintf(text, sizeof(text), "%" PRId64, id);
	DB_RESULT result = db_run(connection, "look for the organization",
	                          "SELECT FROM organizations WHERE id = $1 AND deleted_at IS NULL",
	                          1, values, message, message_size);
	if (!result || PQntuples(result) == 1)
		return result != NULL;
	snprintf(message, message_size, "there is no organization %" PRId64, id);
	return false;
}

/* prismd's own two would be somebody else's otherwise. */
static bool name_is_free(PGconn *connection, const char *name, char *message, size_t message_size)
{
	const char *values[] = {name};
	DB_RESULT result = db_run(connection, "look for the principal",
	                          "SELECT FROM principals WHERE name = $1 AND id IN (0, 1)", 1,
	                          values, message, message_size);
	if (!result || PQntuples(result) == 0)
		return result != NULL;
	snprintf(message, message_size, "the name '%s' is prismd's own: take another", name);
	return false;
}

/* The names are known ones: nothing in them needs quoting. */
static void write_scopes(const struct service_key_spec *spec, char out[SCOPES_TEXT_SIZE])
{
	size_t at = 0;
	for (size_t i = 0; i < spec->scope_count; i++)
		at += (size_t)snprintf(out + at, SCOPES_TEXT_SIZE - at, "%c%s", i ? ',' : '{',
		                       spec->scopes[i]);
	snprintf(out + at, SCOPES_TEXT_SIZE - at, "}");
}

static bool insert(PGconn *connection, const struct keyring *keyring,
                   const struct service_key_spec *spec, struct service_key_made *out, char *message,
                   size_t message_size)
{
	static const char sql[] =
		"WITH principal AS (INSERT INTO principals (name) VALUES ($1)"
		"  ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id)"
		" INSERT INTO service_keys"
		"  (principal_id, token_hash, key_id, scopes, organization_id, expires_at, label)"
		" SELECT id, $2, $3, $4, nullif($5::bigint, 0),"
		"  CASE WHEN $6::int > 0 THEN now() + make_interval(days => $6::int) END, $7"
		" FROM principal RETURNING id, principal_id";
	char hash[KEYRING_HASH_TEXT_SIZE], scopes[SCOPES_TEXT_SIZE], key_id[16], organization[24],
		days[16];
	keyring_token_hash_text(keyring, 0, out->token, hash);
	write_scopes(spec, scopes);
	snprintf(key_id, sizeof(key_id), "%" PRIu32, keyring_key_id(keyring, 0));
	snprintf(organization, sizeof(organization), "%" PRId64, spec->organization_id);
	snprintf(days, sizeof(days), "%" PRIu32, spec->expires_days);
	const char *values[] = {spec->name, hash, key_id, scopes, organization, days, spec->label};
	DB_RESULT result =
		db_run(connection, "store the key", sql, 7, values, message, message_size);
	if (!result)
		return false;
	out->id = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	out->principal_id = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
	return true;
}

bool service_key_create(PGconn *connection, const struct keyring *keyring,
                        const struct service_key_spec *spec, struct service_key_made *out,
                        char *message, size_t message_size)
{
	if (!service_keys_exist(connection, message, message_size) ||
	    !name_is_free(connection, spec->name, message, message_size) ||
	    !organization_exists(connection, spec->organization_id, message, message_size))
		return false;
	struct service_key_made made;
	token_make(TOKEN_SERVICE_KEY, made.token);
	bool stored = insert(connection, keyring, spec, &made, message, message_size);
	if (stored)
		*out = made;
	sodium_memzero(&made, sizeof(made));
	return stored;
}

static void take_row(struct service_key_row *out, const PGresult *result, int row)
{
	*out = (struct service_key_row){
		.id = PQgetvalue(result, row, 0),
		.name = PQgetvalue(result, row, 1),
		.scopes = PQgetvalue(result, row, 2),
		.organization_id = PQgetvalue(result, row, 3),
		.label = PQgetvalue(result, row, 4),
		.key_id = PQgetvalue(result, row, 5),
		.created_at = PQgetvalue(result, row, 6),
		.expires_at = PQgetvalue(result, row, 7),
		.last_used_at = PQgetvalue(result, row, 8),
		.revoked_at = PQgetvalue(result, row, 9),
		.state = PQgetvalue(result, row, 10),
	};
}

bool service_key_list(PGconn *connection,
                      void (*each)(void *ctx, const struct service_key_row *row), void *ctx,
                      char *message, size_t message_size)
{
#define RFC3339(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
	static const char sql[] =
		"SELECT k.id, p.name, array_to_string(k.scopes, ' '), k.organization_id, k.label,"
		" k.key_id, " RFC3339("k.created_at") ", " RFC3339("k.expires_at") ", " RFC3339(
			"k.last_used_at") ", " RFC3339("k.revoked_at") ","
								       " CASE WHEN k.revoked_at IS "
								       "NOT NULL THEN 'revoked'"
								       "  WHEN k.expires_at <= "
								       "now() THEN 'expired' ELSE "
								       "'active' END"
								       " FROM service_keys k JOIN "
								       "principals p ON p.id = "
								       "k.principal_id ORDER BY "
								       "k.id";
#undef RFC3339
	if (!service_keys_exist(connection, message, message_size))
		return false;
	DB_RESULT result = db_run(connection, "list the keys", sql, 0, NULL, message, message_size);
	for (int i = 0; i < PQntuples(result); i++) {
		struct service_key_row row;
		take_row(&row, result, i);
		each(ctx, &row);
	}
	return result != NULL;
}

bool service_key_revoke(PGconn *connection, int64_t id, bool *found, char *message,
                        size_t message_size)
{
	char text[24];
	const char *values[] = {text};
	snprintf(text, sizeof(text), "%" PRId64, id);
	if (!service_keys_exist(connection, message, message_size))
		return false;
	DB_RESULT result = db_run(connection, "revoke the key",
	                          "UPDATE service_keys SET revoked_at = coalesce(revoked_at, now())"
	                          " WHERE id = $1",
	                          1, values, message, message_size);
	if (!result)
		return false;
	*found = strcmp(PQcmdTuples(result), "1") == 0;
	return true;
}
