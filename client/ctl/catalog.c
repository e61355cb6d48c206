#include "client/ctl/catalog.h"

#include "client/ctl/names.h"
#include "client/ctl/report.h"
#include "prism/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct service_methods *const SERVICES[] = {
#define SERVICE(table) &table,
#include "prism/services.def"
#undef SERVICE
};

const struct catalog CATALOG_BUILT_IN = {SERVICES, sizeof SERVICES / sizeof *SERVICES};

const char *catalog_short(const struct service_methods *service)
{
	return name_short(service->name);
}

/* The next method of all; false after the last. Begins with service NULL. */
static bool next_method(const struct catalog *catalog, struct catalog_entry *entry, size_t *service,
                        size_t *method)
{
	while (*service < catalog->count && *method >= catalog->services[*service]->count) {
		++*service;
		*method = 0;
	}
	if (*service == catalog->count)
		return false;
	const struct service_methods *found = catalog->services[*service];
	*entry = (struct catalog_entry){found, &found->methods[(*method)++]};
	return true;
}

static void fault_say(const struct catalog *catalog, char fault[CATALOG_FAULT_SIZE],
                      const char *what, const char *name, const struct suggestion *suggestion)
{
	if (suggestion_near(suggestion))
		snprintf(fault, CATALOG_FAULT_SIZE, "no %s \"%.100s\"; did you mean %s?", what,
		         name, suggestion->best);
	else
		snprintf(fault, CATALOG_FAULT_SIZE, "no %s \"%.100s\"; prismctl %slist shows all",
		         what, name, catalog->services == SERVICES ? "" : "--grpc ");
}

/* SERVICE/METHOD, the service with or without its package. */
static bool method_matches(const struct catalog_entry *entry, const char *name)
{
	const char *slash = strrchr(name, '/');
	char service[256];
	if (!slash || (size_t)(slash - name) >= sizeof service)
		return false;
	snprintf(service, sizeof service, "%.*s", (int)(slash - name), name);
	return name_matches(entry->service->name, service) &&
	       strcasecmp(entry->method->name, slash + 1) == 0;
}

bool catalog_method(const struct catalog *catalog, const char *name, struct catalog_entry *out,
                    char fault[CATALOG_FAULT_SIZE])
{
	struct suggestion suggestion;
	struct catalog_entry entry;
	size_t service = 0, method = 0;
	char candidate[320];
	name += *name == '/';
	suggestion_init(&suggestion, name);
	while (next_method(catalog, &entry, &service, &method)) {
		if (method_matches(&entry, name)) {
			*out = entry;
			return true;
		}
		snprintf(candidate, sizeof candidate, "%s/%s", catalog_short(entry.service),
		         entry.method->name);
		suggestion_consider(&suggestion, candidate);
		suggestion_consider(&suggestion, entry.method->path + 1);
		if (strcasecmp(entry.method->name, name) == 0)
			suggestion_choose(&suggestion, candidate);
	}
	fault_say(catalog, fault, "method", name, &suggestion);
	return false;
}

bool catalog_service(const struct catalog *catalog, const char *name,
                     const struct service_methods **out, char fault[CATALOG_FAULT_SIZE])
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, name);
	for (size_t i = 0; i < catalog->count; i++) {
		if (name_matches(catalog->services[i]->name, name)) {
			*out = catalog->services[i];
			return true;
		}
		suggestion_consider(&suggestion, catalog_short(catalog->services[i]));
		suggestion_consider(&suggestion, catalog->services[i]->name);
	}
	fault_say(catalog, fault, "service", name, &suggestion);
	return false;
}

/* --- messages ---------------------------------------------------------------------- */

struct seen {
	const ProtobufCMessageDescriptor *message;
	const struct message_rules *rules;
};

struct message_search {
	const char *name;
	struct seen *seen; /* in one service: ends a type that contains itself */
	size_t seen_count;
	const ProtobufCMessageDescriptor *found;
	const struct message_rules *rules;
	struct suggestion suggestion;
};

/* False: it was looked at before, with these rules. */
static bool search_enter(struct message_search *search, const ProtobufCMessageDescriptor *message,
                         const struct message_rules *rules)
{
	for (size_t i = 0; i < search->seen_count; i++)
		if (search->seen[i].message == message && search->seen[i].rules == rules)
			return false;
	search->seen = realloc(search->seen, (search->seen_count + 1) * sizeof *search->seen);
	if (!search->seen)
		report_no_memory();
	search->seen[search->seen_count++] = (struct seen){message, rules};
	return true;
}

static void message_search(struct message_search *search, const ProtobufCMessageDescriptor *message,
                           const struct message_rules *rules)
{
	if ((search->found && search->rules) || !search_enter(search, message, rules))
		return;
	if (name_matches(message->name, search->name)) {
		search->found = message;
		search->rules = rules;
		return;
	}
	suggestion_consider(&search->suggestion, name_short(message->name));
	for (unsigned i = 0; i < message->n_fields; i++) {
		const struct field_rule *rule = rules_find(rules, message->fields[i].id);
		if (message->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			message_search(search, message->fields[i].descriptor,
			               rule ? rule->nested : NULL);
	}
}

static void service_search(struct message_search *search, const struct service_methods *service)
{
	search->seen_count = 0;
	for (size_t i = 0; i < service->count; i++) {
		message_search(search, service->methods[i].request, service->methods[i].rules);
		message_search(search, service->methods[i].response, NULL);
	}
}

bool catalog_message(const struct catalog *catalog, const char *name,
                     const ProtobufCMessageDescriptor **out, const struct message_rules **rules,
                     char fault[CATALOG_FAULT_SIZE])
{
	struct message_search search = {.name = name};
	suggestion_init(&search.suggestion, name);
	for (size_t i = 0; i < catalog->count; i++)
		service_search(&search, catalog->services[i]);
	free(search.seen);
	if (!search.found) {
		fault_say(catalog, fault, "message", name, &search.suggestion);
		return false;
	}
	*out = search.found;
	*rules = search.rules;
	return true;
}

/* --- words ----------------------------------------------------------------------------- */

const char *kind_name(enum call_kind kind)
{
	switch (kind) {
	case CALL_UNARY:
		return "unary";
	case CALL_SERVER_STREAMING:
		return "server-streaming";
	case CALL_CLIENT_STREAMING:
		return "client-streaming";
	case CALL_BIDIRECTIONAL:
		return "bidirectional";
	}
	return "?";
}

const char *role_name(enum role role)
{
	switch (role) {
	case ROLE_NONE:
		return "public";
	case ROLE_VIEWER:
		return "viewer";
	case ROLE_MEMBER:
		return "member";
	case ROLE_ADMIN:
		return "admin";
	case ROLE_OWNER:
		return "owner";
	case ROLE_CALLER:
		return "caller";
	case ROLE_SYSTEM:
		return "system";
	}
	return "?";
}

const char *idempotency_name(enum idempotency idempotency)
{
	switch (idempotency) {
	case IDEMPOTENCY_UNKNOWN:
		return "";
	case NO_SIDE_EFFECTS:
		return "read";
	case IDEMPOTENT:
		return "idempotent";
	case KEYED:
		return "keyed";
	}
	return "?";
}
