#include "db/migrate/catalog/link.h"
#include "db/migrate/memory.h"

#include <stdlib.h>
#include <string.h>

/* A part of a part of a part: deeper than anything that PostgreSQL makes. */
enum { PART_DEPTH_MAX = 8 };

struct resolver {
	struct object **by_address;
	size_t count;
	const struct link *parts; /* those links that are parts, by `from` */
	size_t part_count;
};

void links_add(struct links *links, struct address from, struct address to, bool part)
{
	if (links->count == links->capacity) {
		links->capacity = links->capacity * 2 + 1024;
		links->at = must(realloc(links->at, links->capacity * sizeof(struct link)));
	}
	links->at[links->count++] = (struct link){from, to, part};
}

void links_clear(struct links *links)
{
	free(links->at);
	*links = (struct links){0};
}

static int compare_addresses(const struct address *a, const struct address *b)
{
	if (a->class_oid != b->class_oid)
		return a->class_oid < b->class_oid ? -1 : 1;
	if (a->oid != b->oid)
		return a->oid < b->oid ? -1 : 1;
	return (a->sub > b->sub) - (a->sub < b->sub);
}

static int compare_objects(const void *a, const void *b)
{
	return compare_addresses(&(*(struct object *const *)a)->address,
	                         &(*(struct object *const *)b)->address);
}

/* Parts first, by `from`. */
static int compare_links(const void *a, const void *b)
{
	const struct link *one = a, *other = b;
	if (one->part != other->part)
		return one->part ? -1 : 1;
	return compare_addresses(&one->from, &other->from);
}

static struct object *exact(const struct resolver *resolver, struct address address)
{
	const struct object wanted = {.address = address};
	const struct object *key = &wanted;
	if (resolver->count == 0)
		return NULL;
	struct object **found = bsearch(&key, resolver->by_address, resolver->count,
	                                sizeof(struct object *), compare_objects);
	return found ? *found : NULL;
}

static const struct address *whole_of(const struct resolver *resolver, struct address part)
{
	const struct link key = {.from = part, .part = true};
	if (resolver->part_count == 0)
		return NULL;
	const struct link *found = bsearch(&key, resolver->parts, resolver->part_count,
	                                   sizeof(struct link), compare_links);
	return found ? &found->to : NULL;
}

static struct object *resolve(const struct resolver *resolver, struct address address)
{
	for (int depth = 0; depth < PART_DEPTH_MAX; depth++) {
		struct object *object = exact(resolver, address);
		if (!object && address.sub != 0)
			object = exact(resolver,
			               (struct address){address.class_oid, address.oid, 0});
		if (object)
			return object;
		const struct address *whole = whole_of(resolver, address);
		if (!whole && address.sub != 0)
			whole = whole_of(resolver,
			                 (struct address){address.class_oid, address.oid, 0});
		if (!whole)
			return NULL;
		address = *whole;
	}
	return NULL;
}

static void need(struct object *object, struct object *other)
{
	if (object == other)
		return;
	for (size_t i = 0; i < object->need_count; i++)
		if (object->needs[i] == other)
			return;
	/* Doubling, at powers of two. */
	if ((object->need_count & (object->need_count - 1)) == 0)
		object->needs = must(realloc(object->needs, (object->need_count * 2 + 1) *
		                                                    sizeof(struct object *)));
	object->needs[object->need_count++] = other;
}

static bool has_address(struct address address)
{
	return address.oid != 0;
}

/* What its parent is not there for, or what has no words for where it is. */
static bool is_lost(const struct object *object)
{
	if (object->lost || !has_address(object->parent_address))
		return object->lost;
	const struct object *parent = object->parent;
	return !parent || parent == object || parent->lost ||
	       (object->kind == KIND_COMMENT && !object->label[0] && !parent->label[0]);
}

static void find_parents(const struct resolver *resolver, struct catalog *catalog)
{
	bool lost_more;
	for (size_t i = 0; i < catalog->count; i++)
		if (has_address(catalog->at[i]->parent_address))
			catalog->at[i]->parent = resolve(resolver, catalog->at[i]->parent_address);
	do {
		lost_more = false;
		for (size_t i = 0; i < catalog->count; i++) {
			bool lost = is_lost(catalog->at[i]);
			lost_more = lost_more || lost != catalog->at[i]->lost;
			catalog->at[i]->lost = lost;
		}
	} while (lost_more);
}

static void add_needs(const struct resolver *resolver, const struct links *links,
                      struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->at[i]->parent)
			need(catalog->at[i], catalog->at[i]->parent);
	for (size_t i = 0; i < links->count; i++) {
		struct object *from = resolve(resolver, links->at[i].from);
		struct object *to = resolve(resolver, links->at[i].to);
		if (from && to && !from->lost && !to->lost)
			need(from, to);
	}
}

static void remove_lost(struct catalog *catalog)
{
	size_t kept = 0;
	for (size_t i = 0; i < catalog->count; i++) {
		if (!catalog->at[i]->lost) {
			catalog->at[kept++] = catalog->at[i];
			continue;
		}
		free(catalog->at[i]->needs);
		free(catalog->at[i]);
	}
	catalog->count = kept;
}

void links_resolve(struct links *links, struct catalog *catalog)
{
	struct resolver resolver = {.by_address =
	                                    must_zero(catalog->count, sizeof(struct object *))};
	for (size_t i = 0; i < catalog->count; i++)
		if (has_address(catalog->at[i]->address))
			resolver.by_address[resolver.count++] = catalog->at[i];
	if (resolver.count)
		qsort(resolver.by_address, resolver.count, sizeof(struct object *),
		      compare_objects);
	if (links->count)
		qsort(links->at, links->count, sizeof(struct link), compare_links);
	resolver.parts = links->at;
	while (resolver.part_count < links->count && links->at[resolver.part_count].part)
		resolver.part_count++;
	find_parents(&resolver, catalog);
	add_needs(&resolver, links, catalog);
	remove_lost(catalog);
	free(resolver.by_address);
}
