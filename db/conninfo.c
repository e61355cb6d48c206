#include "db/conninfo.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYWORDS_MAX = 64, OPTIONS_SIZE = 1024 };

struct conninfo {
	size_t count;
	char *keywords[KEYWORDS_MAX + 1];
	char *values[KEYWORDS_MAX + 1];
};

/* "postgresql+driver://rest" -> "postgresql://rest"; NULL: no memory. */
static char *without_driver(const char *text)
{
	const char *scheme_end = strstr(text, "://");
	const char *plus = strchr(text, '+');
	bool named = scheme_end && plus && plus < scheme_end && strncmp(text, "postgres", 8) == 0;
	char *result = NULL;
	int length = named ? asprintf(&result, "%.*s%s", (int)(plus - text), text, scheme_end)
	                   : asprintf(&result, "%s", text);
	return length < 0 ? NULL : result;
}

static size_t find(const struct conninfo *conninfo, const char *keyword)
{
	size_t i = 0;
	while (i < conninfo->count && strcmp(conninfo->keywords[i], keyword) != 0)
		i++;
	return i;
}

const char *conninfo_get(const struct conninfo *conninfo, const char *keyword)
{
	size_t i = find(conninfo, keyword);
	return i < conninfo->count ? conninfo->values[i] : "";
}

static enum status set(struct conninfo *conninfo, const char *keyword, const char *value)
{
	size_t i = find(conninfo, keyword);
	if (i == KEYWORDS_MAX)
		return STATUS_RESOURCE_EXHAUSTED;
	char *copy = strdup(value);
	if (!copy)
		return STATUS_RESOURCE_EXHAUSTED;
	if (i < conninfo->count) {
		free(conninfo->values[i]);
		conninfo->values[i] = copy;
		return STATUS_OK;
	}
	conninfo->keywords[i] = strdup(keyword);
	conninfo->values[i] = copy;
	conninfo->count++;
	return conninfo->keywords[i] ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

static enum status set_default(struct conninfo *conninfo, const char *keyword, const char *value)
{
	return *conninfo_get(conninfo, keyword) ? STATUS_OK : set(conninfo, keyword, value);
}

static enum status copy_options(struct conninfo *conninfo, const PQconninfoOption *option)
{
	for (; option->keyword; option++)
		if (option->val)
			TRY(set(conninfo, option->keyword, option->val));
	return STATUS_OK;
}

static enum status parse(struct conninfo *conninfo, const char *text,
                         char message[CONNINFO_MESSAGE_SIZE])
{
	char *plain = without_driver(text);
	if (!plain)
		return STATUS_RESOURCE_EXHAUSTED;
	char *error = NULL;
	PQconninfoOption *options = PQconninfoParse(plain, &error);
	free(plain);
	if (!options) {
		const char *why = error ? error : "malformed";
		snprintf(message, CONNINFO_MESSAGE_SIZE, "database URL: %.*s",
		         (int)strcspn(why, "\n"), why);
		PQfreemem(error);
		return STATUS_INVALID_ARGUMENT;
	}
	enum status status = copy_options(conninfo, options);
	PQconninfoFree(options);
	return status;
}

/* libpq would fill these from its environment when it connects, and ask the name server itself,
 * with the loop waiting. */
static enum status set_environment(struct conninfo *conninfo)
{
	static const char *const keywords[] = {"host", "hostaddr", "port"};
	PQconninfoOption *options = PQconndefaults();
	if (!options)
		return STATUS_RESOURCE_EXHAUSTED;
	enum status status = STATUS_OK;
	for (const PQconninfoOption *option = options; option->keyword; option++)
		for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
			if (status == STATUS_OK && option->val && *option->val &&
			    strcmp(option->keyword, keywords[i]) == 0)
				status = set_default(conninfo, option->keyword, option->val);
	PQconninfoFree(options);
	return status;
}

/* A service's host would be looked up by libpq. */
static enum status refuse_service(const struct conninfo *conninfo,
                                  char message[CONNINFO_MESSAGE_SIZE])
{
	if (!*conninfo_get(conninfo, "service"))
		return STATUS_OK;
	snprintf(message, CONNINFO_MESSAGE_SIZE,
	         "database URL: service is not allowed; write host, port, dbname and user");
	return STATUS_INVALID_ARGUMENT;
}

/* Short statements profit from neither the just-in-time compiler nor custom plans for ever (which
 * PostgreSQL believes in as soon as an array has fewer elements than it would guess); the rest is
 * what the binary decoders and the statements assume. The text's own options come between:
 * they win over our timeouts. */
static enum status set_options(struct conninfo *conninfo, const struct conninfo_session *session)
{
	char options[OPTIONS_SIZE];
	int length = snprintf(
		options, sizeof(options),
		"-c jit=off -c plan_cache_mode=%s -c statement_timeout=%u -c lock_timeout=%u"
		" -c idle_in_transaction_session_timeout=10000 %s"
		" -c TimeZone=UTC -c search_path=public,pg_catalog",
		session->plan_once ? "force_generic_plan" : "auto", session->statement_timeout_ms,
		session->lock_timeout_ms, conninfo_get(conninfo, "options"));
	if (length < 0 || (size_t)length >= sizeof(options))
		return STATUS_RESOURCE_EXHAUSTED;
	return set(conninfo, "options", options);
}

static enum status set_session(struct conninfo *conninfo, const struct conninfo_session *session)
{
	static const char *const defaults[][2] = {
		{"keepalives_idle", "30"}, {"keepalives_interval", "10"},
		{"keepalives_count", "3"}, {"tcp_user_timeout", "10000"},
		{"gssencmode", "disable"},
	};
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		TRY(set_default(conninfo, defaults[i][0], defaults[i][1]));
	TRY(set_default(conninfo, "application_name", session->application_name));
	TRY(set(conninfo, "client_encoding", "UTF8"));
	return set_options(conninfo, session);
}

enum status conninfo_new(struct conninfo **out, const char *text,
                         const struct conninfo_session *session,
                         char message[CONNINFO_MESSAGE_SIZE])
{
	snprintf(message, CONNINFO_MESSAGE_SIZE, "no memory, or a database URL that is too long");
	struct conninfo *conninfo = calloc(1, sizeof(*conninfo));
	if (!conninfo)
		return STATUS_RESOURCE_EXHAUSTED;
	enum status status = parse(conninfo, text, message);
	if (status == STATUS_OK)
		status = refuse_service(conninfo, message);
	if (status == STATUS_OK)
		status = set_environment(conninfo);
	if (status == STATUS_OK)
		status = set_session(conninfo, session);
	if (status != STATUS_OK) {
		conninfo_free(conninfo);
		return status;
	}
	*out = conninfo;
	return STATUS_OK;
}

void conninfo_free(struct conninfo *conninfo)
{
	if (!conninfo)
		return;
	for (size_t i = 0; i < conninfo->count; i++) {
		free(conninfo->keywords[i]);
		free(conninfo->values[i]);
	}
	free(conninfo);
}

const char *const *conninfo_keywords(const struct conninfo *conninfo)
{
	return (const char *const *)conninfo->keywords;
}

const char *const *conninfo_values(const struct conninfo *conninfo)
{
	return (const char *const *)conninfo->values;
}

static enum status copy_with_hosts(struct conninfo *copy, const struct conninfo *from,
                                   const char *host, const char *hostaddr, const char *port)
{
	for (size_t i = 0; i < from->count; i++)
		TRY(set(copy, from->keywords[i], from->values[i]));
	TRY(set(copy, "host", host));
	TRY(set(copy, "hostaddr", hostaddr));
	return *port ? set(copy, "port", port) : STATUS_OK;
}

struct conninfo *conninfo_with_hosts(const struct conninfo *conninfo, const char *host,
                                     const char *hostaddr, const char *port)
{
	struct conninfo *copy = calloc(1, sizeof(*copy));
	if (copy && copy_with_hosts(copy, conninfo, host, hostaddr, port) != STATUS_OK) {
		conninfo_free(copy);
		return NULL;
	}
	return copy;
}
