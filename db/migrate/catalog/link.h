/* link - from the server's addresses to objects: who is whose part, who depends on whom.
 *
 * Many addresses are nobody's here (a view's rule, a table's row type, an index behind a
 * constraint); they stand for what they are a part of. Private to catalog/. */
#pragma once
#include "db/migrate/catalog/catalog.h"

struct link {
	struct address from, to;
	bool part; /* `from` is part of `to` */
};

struct links {
	struct link *at;
	size_t count, capacity;
};

void links_add(struct links *links, struct address from, struct address to, bool part);

/* Fills in parents and needs. Objects whose parent is none of ours are taken out. */
void links_resolve(struct links *links, struct catalog *catalog);
void links_clear(struct links *links);
