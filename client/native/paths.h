/* paths - which method paths the server knows by a number on this connection: the first CALL of a
 * method defines its number, later ones send the number alone.
 *
 * Owns: copies of the paths. Lifetime: a session's. */
#pragma once
#include "proto/bytes.h"

struct path {
	char *text;
	size_t len;
	uint32_t id;
};

struct paths {
	struct path *slots; /* by hash, linear probing; text NULL: free */
	size_t count, capacity;
};

/* The number of `path`. *defined says whether the server knows it already; if not, this call is to
 * define it. 0: there is none (`most` are defined, or no memory): send the path itself. */
uint32_t paths_id(struct paths *paths, struct bytes path, uint32_t most, bool *defined);
void paths_deinit(struct paths *paths);
