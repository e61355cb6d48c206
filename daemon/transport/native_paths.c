#include "daemon/transport/native_paths.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 4 };

static bool grow(struct native_paths *paths)
{
	uint32_t capacity = paths->capacity ? paths->capacity * 2 : CAPACITY_FIRST;
	const struct route **routes =
		realloc(paths->routes, (size_t)capacity * sizeof(*paths->routes));
	if (!routes)
		return false;
	paths->routes = routes;
	paths->capacity = capacity;
	return true;
}

bool native_paths_define(struct native_paths *paths, const struct route *route)
{
	if (paths->count == paths->capacity && !grow(paths))
		return false;
	paths->routes[paths->count++] = route;
	return true;
}

void native_paths_deinit(struct native_paths *paths)
{
	free(paths->routes);
	*paths = (struct native_paths){0};
}
