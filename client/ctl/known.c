#include "client/ctl/known.h"

#include "client/ctl/names.h"
#include "client/ctl/reflect.h"
#include "client/ctl/report.h"

#include <stdio.h>

enum { MEMORY_MOST = 1 << 28 };

static bool is_built_in(const char *name)
{
	char fault[CATALOG_FAULT_SIZE];
	struct catalog_entry entry;
	const struct service_methods *service;
	const ProtobufCMessageDescriptor *message;
	const struct message_rules *rules;
	if (strchr(name, '/'))
		return catalog_method(&CATALOG_BUILT_IN, name, &entry, fault);
	return catalog_service(&CATALOG_BUILT_IN, name, &service, fault) ||
	       catalog_message(&CATALOG_BUILT_IN, name, &message, &rules, fault);
}

/* By its full name alone: another server may have a service that is only called alike. */
static const struct service_methods *built_in(const char *full)
{
	for (size_t i = 0; i < CATALOG_BUILT_IN.count; i++)
		if (strcmp(CATALOG_BUILT_IN.services[i]->name, full) == 0)
			return CATALOG_BUILT_IN.services[i];
	return NULL;
}

/* Whether `name` (of a method, service or message) names this service. */
static bool names_service(const char *full, const char *name)
{
	char service[SCHEMA_NAME_MOST + 1];
	name += *name == '/';
	const char *slash = strrchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : strlen(name);
	if (len >= sizeof service)
		return false;
	snprintf(service, sizeof service, "%.*s", (int)len, name);
	return name_matches(full, service);
}

struct told {
	const char *const *names;
	size_t count;
};

/* Those that `name` names, or all. */
static int take_services(struct known *known, struct reflect *reflect, const struct told *told,
                         const char *name)
{
	const struct service_methods **services =
		arena_zalloc(&known->arena, (told->count + 1) * sizeof *services);
	size_t count = 0;
	int code = EXIT_DONE;
	if (!services)
		report_no_memory();
	for (size_t i = 0; i < told->count && code == EXIT_DONE; i++) {
		if (name && !names_service(told->names[i], name))
			continue;
		services[count] = built_in(told->names[i]);
		if (!services[count])
			code = reflect_service(reflect, &known->arena, told->names[i],
			                       &services[count]);
		count += services[count] != NULL;
	}
	known->catalog = (struct catalog){services, count};
	return code;
}

static int ask_server(struct known *known, struct reflect *reflect, const char *name)
{
	struct told told;
	int code = reflect_names(reflect, &known->arena, &told.names, &told.count);
	if (code == EXIT_DONE)
		code = take_services(known, reflect, &told, name);
	if (code == EXIT_DONE && name && known->catalog.count == 0)
		code = take_services(known, reflect, &told, NULL);
	return code;
}

int known_open(struct known *known, const struct options *options, const char *name)
{
	struct reflect reflect;
	known->catalog = CATALOG_BUILT_IN;
	arena_init(&known->arena, NULL, 0, MEMORY_MOST);
	if (options->channel.protocol != PRISM_GRPC || (name && is_built_in(name)))
		return EXIT_DONE;
	int code = reflect_open(&reflect, options);
	if (code != EXIT_DONE)
		return code;
	code = ask_server(known, &reflect, name);
	reflect_close(&reflect);
	return code;
}

void known_close(struct known *known)
{
	arena_deinit(&known->arena);
}
