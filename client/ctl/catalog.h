/* catalog - services, those that this program was built with or a server's, and finding things in
 * them.
 *
 * Names are full ("prism.v1.StoryService/GetStory") or without their package
 * ("StoryService/GetStory"), in any case. Owns: nothing.
 * Errors: false, and a message that names what is like it. */
#pragma once
#include "proto/method.h"

enum { CATALOG_FAULT_SIZE = 512 };

struct catalog {
	const struct service_methods *const *services;
	size_t count;
};

struct catalog_entry {
	const struct service_methods *service;
	const struct method *method; /* NULL: the service */
};

/* What this program was built with. */
extern const struct catalog CATALOG_BUILT_IN;

/* The name of a service without its package. */
const char *catalog_short(const struct service_methods *service);

bool catalog_method(const struct catalog *catalog, const char *name, struct catalog_entry *out,
                    char fault[CATALOG_FAULT_SIZE]);
bool catalog_service(const struct catalog *catalog, const char *name,
                     const struct service_methods **out, char fault[CATALOG_FAULT_SIZE]);

/* A message that some method's request or answer is, or holds; *rules NULL: it has none. */
bool catalog_message(const struct catalog *catalog, const char *name,
                     const ProtobufCMessageDescriptor **out, const struct message_rules **rules,
                     char fault[CATALOG_FAULT_SIZE]);

/* Whether a server told of it: then roles and rules are not known. */
static inline bool catalog_foreign(const struct service_methods *service)
{
	return !service->descriptor_set;
}

const char *kind_name(enum call_kind kind);                 /* "server-streaming" */
const char *role_name(enum role role);                      /* "viewer" */
const char *idempotency_name(enum idempotency idempotency); /* "read"; "" for unknown */
