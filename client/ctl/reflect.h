/* reflect - what a server of gRPC tells of its services
 * (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md): v1, else v1alpha.
 *
 * Owns: a channel of its own. Lifetime: reflect_open() .. reflect_close(). Blocking.
 * Errors: said on standard error; the exit code is returned. */
#pragma once
#include "client/ctl/options.h"
#include "client/ctl/schema.h"

struct reflect {
	const struct options *options;
	struct prism_channel *channel;
	struct prism_stream *stream; /* NULL: none is open */
	bool alpha;                  /* the server does not know v1 */
};

int reflect_open(struct reflect *reflect, const struct options *options);
void reflect_close(struct reflect *reflect);

/* The full names of the server's services, in the arena. */
int reflect_names(struct reflect *reflect, struct arena *arena, const char *const **names,
                  size_t *count);

/* A service by its full name, in the arena; *out NULL: the server did not tell enough of it, which
 * was said. */
int reflect_service(struct reflect *reflect, struct arena *arena, const char *name,
                    const struct service_methods **out);
