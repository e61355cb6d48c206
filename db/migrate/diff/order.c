#include "db/migrate/diff/diff.h"
#include "db/migrate/diff/graph.h"
#include "db/migrate/memory.h"

#include <stdlib.h>
#include <string.h>

enum { RENAME_RANK = 25 };

struct ordering {
	struct diff *diff;
	struct graph *graph;
	struct step_of *nodes;
	size_t count;
	struct sequence *out;
};

static int add_node(struct ordering *ordering, struct change *change, bool drop)
{
	ordering->nodes[ordering->count] = (struct step_of){change, drop};
	return (int)ordering->count++;
}

static void add_nodes(struct ordering *ordering)
{
	for (size_t i = 0; i < ordering->diff->count; i++) {
		struct change *change = &ordering->diff->at[i];
		if (change_drops(change))
			change->drop_node = add_node(ordering, change, true);
		if (change_makes(change) || change->action == ACTION_CHANGE ||
		    change->action == ACTION_RENAME)
			change->make_node = add_node(ordering, change, false);
	}
}

static void edge(struct ordering *ordering, int first, int then)
{
	if (first != NO_NODE && then != NO_NODE && first != then)
		graph_edge(ordering->graph, first, then);
}

/* Where an old object is out of the way of what it needs. */
static int release_node(const struct change *change)
{
	return change->drop_node != NO_NODE      ? change->drop_node
	       : change->action == ACTION_CHANGE ? change->make_node
	                                         : NO_NODE;
}

static void add_old_edges(struct ordering *ordering)
{
	const struct diff *diff = ordering->diff;
	for (size_t i = 0; i < diff->from->count; i++) {
		const struct object *object = diff->from->at[i];
		const struct change *change = diff->of_old[i];
		for (size_t j = 0; change && j < object->need_count; j++) {
			const struct change *needed = diff->of_old[object->needs[j]->index];
			if (!needed)
				continue;
			if (needed->drop_node != NO_NODE)
				edge(ordering, release_node(change), needed->drop_node);
			else if (needed->action == ACTION_CHANGE)
				edge(ordering, change->drop_node, needed->make_node);
		}
	}
}

static void add_new_edges(struct ordering *ordering)
{
	const struct diff *diff = ordering->diff;
	for (size_t i = 0; i < diff->to->count; i++) {
		const struct object *object = diff->to->at[i];
		const struct change *change = diff->of_new[i];
		for (size_t j = 0; change && j < object->need_count; j++) {
			const struct change *needed = diff->of_new[object->needs[j]->index];
			if (needed)
				edge(ordering, needed->make_node, change->make_node);
		}
	}
}

static void add_own_edges(struct ordering *ordering)
{
	for (size_t i = 0; i < ordering->diff->count; i++) {
		const struct change *change = &ordering->diff->at[i];
		if (change->action == ACTION_SWAP)
			edge(ordering, change->make_node, change->drop_node);
		else if (change->action == ACTION_REPLACE)
			edge(ordering, change->drop_node, change->make_node);
	}
}

/* A name has to be free before another object takes it. */
static void add_claim_edges(struct ordering *ordering)
{
	const struct diff *diff = ordering->diff;
	for (size_t i = 0; i < diff->count; i++) {
		const struct change *frees = &diff->at[i];
		int freed = frees->action == ACTION_RENAME ? frees->make_node : frees->drop_node;
		if (freed == NO_NODE || frees->action == ACTION_SWAP || !frees->old->claim[0])
			continue;
		for (size_t j = 0; j < diff->count; j++) {
			const struct change *takes = &diff->at[j];
			if (i != j && takes->make_node != NO_NODE &&
			    takes->new &&strcmp(takes->new->claim, frees->old->claim) == 0)
				edge(ordering, freed, takes->make_node);
		}
	}
}

static bool refers_to(const struct object *key, const struct object *table)
{
	for (size_t i = 0; i < key->need_count; i++) {
		const struct object *root = object_root(key->needs[i]);
		if (root != key->parent && root->kind == KIND_TABLE &&
		    strcmp(root->name, table->name) == 0)
			return true;
	}
	return false;
}

/* A table is not made unlogged while another refers to it. */
static void add_unlogged_edges(struct ordering *ordering)
{
	const struct diff *diff = ordering->diff;
	for (size_t i = 0; i < diff->count; i++) {
		const struct change *unlogged = &diff->at[i];
		if (unlogged->action != ACTION_MAKE || unlogged->new->kind != KIND_UNLOGGED)
			continue;
		for (size_t j = 0; j < diff->count; j++) {
			const struct change *key = &diff->at[j];
			if (key->drop_node != NO_NODE && key->old->kind == KIND_FOREIGN_KEY &&
			    refers_to(key->old, unlogged->new->parent))
				edge(ordering, key->drop_node, unlogged->make_node);
		}
	}
}

/* A table becomes a partition when it has nothing more that its parent does not have. */
static void add_partition_edges(struct ordering *ordering)
{
	const struct diff *diff = ordering->diff;
	for (size_t i = 0; i < diff->count; i++) {
		const struct change *attached = &diff->at[i];
		if (attached->make_node == NO_NODE || !attached->new ||
		    attached->new->kind != KIND_INHERITANCE)
			continue;
		for (size_t j = 0; j < diff->count; j++) {
			const struct change *gone = &diff->at[j];
			if (gone->drop_node != NO_NODE && gone->old->kind == KIND_COLUMN &&
			    strcmp(gone->old->parent->name, attached->new->parent->name) == 0)
				edge(ordering, gone->drop_node, attached->make_node);
		}
	}
}

/* Dropping something drops its parts; that needs no words. But foreign keys that go round in a
 * circle have to go first. */
static void merge_drops(struct ordering *ordering, bool foreign_keys)
{
	for (size_t i = 0; i < ordering->diff->count; i++) {
		struct change *change = &ordering->diff->at[i];
		if (change->drop_node == NO_NODE || !change->old->parent ||
		    (change->old->kind == KIND_FOREIGN_KEY) != foreign_keys)
			continue;
		const struct change *parent = ordering->diff->of_old[change->old->parent->index];
		if (!parent || parent->drop_node == NO_NODE)
			continue;
		if (foreign_keys)
			(void)graph_merge_if_possible(ordering->graph, change->drop_node,
			                              parent->drop_node);
		else
			graph_merge(ordering->graph, change->drop_node, parent->drop_node);
	}
}

/* A sequence goes with the column that owns it. */
static void merge_owned_sequences(struct ordering *ordering)
{
	const struct diff *diff = ordering->diff;
	for (size_t i = 0; i < diff->from->count; i++) {
		const struct object *owner = diff->from->at[i];
		if (owner->kind != KIND_SEQUENCE_OWNER || !diff->of_old[owner->parent->index])
			continue;
		const struct change *sequence = diff->of_old[owner->parent->index];
		for (size_t j = 0; j < owner->need_count; j++) {
			const struct change *column = diff->of_old[owner->needs[j]->index];
			if (column && column->old->kind == KIND_COLUMN &&
			    column->drop_node != NO_NODE && sequence->drop_node != NO_NODE)
				graph_merge(ordering->graph, sequence->drop_node,
				            column->drop_node);
		}
	}
}

/* Whether the statement that makes its parent could make it along. */
static bool is_part(const struct diff *diff, const struct change *change)
{
	const struct object *object = change ? change->new : NULL;
	if (!object || !change_makes(change) || object->only_new || !object->parent)
		return false;
	const struct change *parent = diff->of_new[object->parent->index];
	return parent && change_makes(parent) &&
	       (object->implied ||
	        (object->part[0] && (object->parent->bracketed || object->parent->appended)));
}

/* One part may wait for another (a generated column for those that it is made of): again, until
 * nothing moves. */
static void merge_makes(struct ordering *ordering)
{
	const struct diff *diff = ordering->diff;
	bool moved;
	do {
		moved = false;
		for (size_t i = 0; i < diff->to->count; i++) {
			struct change *change = diff->of_new[i];
			if (!is_part(diff, change) || change->inlined)
				continue;
			int parent = diff->of_new[change->new->parent->index]->make_node;
			change->inlined =
				graph_merge_if_possible(ordering->graph, change->make_node, parent);
			moved = moved || change->inlined;
		}
	} while (moved);
}

static int rank_of(const struct step_of *node)
{
	const struct change *change = node->change;
	if (change->action == ACTION_RENAME)
		return RENAME_RANK;
	return node->drop ? kinds[change->old->kind].drop_rank : kinds[change->new->kind].make_rank;
}

static bool comes_first(void *ctx, int one, int other)
{
	const struct ordering *ordering = ctx;
	const struct step_of *a = &ordering->nodes[one], *b = &ordering->nodes[other];
	const struct object *x = a->drop ? a->change->old : a->change->new;
	const struct object *y = b->drop ? b->change->old : b->change->new;
	if (rank_of(a) != rank_of(b))
		return rank_of(a) < rank_of(b);
	int order = strcmp(object_root(x)->name, object_root(y)->name);
	if (order == 0)
		order = (x->address.sub > y->address.sub) - (x->address.sub < y->address.sub);
	if (order == 0)
		order = object_compare(x, y);
	return order < 0;
}

static void take(void *ctx, int node)
{
	struct ordering *ordering = ctx;
	ordering->out->at[ordering->out->count++] = ordering->nodes[node];
}

void diff_order(struct diff *diff, struct sequence *out)
{
	struct ordering ordering = {.diff = diff, .out = out};
	ordering.nodes = must_zero(diff->count * 2, sizeof(struct step_of));
	*out = (struct sequence){.at = must_zero(diff->count * 2, sizeof(struct step_of))};
	add_nodes(&ordering);
	ordering.graph = graph_new(ordering.count);
	add_old_edges(&ordering);
	add_new_edges(&ordering);
	add_own_edges(&ordering);
	add_claim_edges(&ordering);
	add_unlogged_edges(&ordering);
	add_partition_edges(&ordering);
	merge_drops(&ordering, false);
	merge_owned_sequences(&ordering);
	merge_drops(&ordering, true);
	merge_makes(&ordering);
	graph_sort(ordering.graph, comes_first, take, &ordering);
	graph_free(ordering.graph);
	free(ordering.nodes);
}
