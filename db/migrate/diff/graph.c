#include "db/migrate/diff/graph.h"
#include "db/migrate/memory.h"

#include <stdlib.h>

struct edges {
	int *at;
	size_t count, capacity;
};

struct graph {
	size_t count;
	int *whole;           /* what a node is merged into; itself */
	struct edges *before; /* nodes that come before, as they were named */
	bool *seen;
};

struct graph *graph_new(size_t nodes)
{
	struct graph *graph = must_zero(1, sizeof(*graph));
	graph->count = nodes;
	graph->whole = must_zero(nodes, sizeof(int));
	graph->before = must_zero(nodes, sizeof(struct edges));
	graph->seen = must_zero(nodes, sizeof(bool));
	for (size_t i = 0; i < nodes; i++)
		graph->whole[i] = (int)i;
	return graph;
}

void graph_free(struct graph *graph)
{
	for (size_t i = 0; i < graph->count; i++)
		free(graph->before[i].at);
	free(graph->whole);
	free(graph->before);
	free(graph->seen);
	free(graph);
}

static int whole_of(const struct graph *graph, int node)
{
	while (graph->whole[node] != node)
		node = graph->whole[node];
	return node;
}

static void add(struct edges *edges, int node)
{
	if (edges->count == edges->capacity) {
		edges->capacity = edges->capacity * 2 + 4;
		edges->at = must(realloc(edges->at, edges->capacity * sizeof(int)));
	}
	edges->at[edges->count++] = node;
}

void graph_edge(struct graph *graph, int first, int then)
{
	int whole = whole_of(graph, then);
	if (whole_of(graph, first) != whole)
		add(&graph->before[whole], first);
}

void graph_merge(struct graph *graph, int part, int whole)
{
	part = whole_of(graph, part);
	whole = whole_of(graph, whole);
	if (part == whole)
		return;
	graph->whole[part] = whole;
	for (size_t i = 0; i < graph->before[part].count; i++)
		graph_edge(graph, graph->before[part].at[i], whole);
	free(graph->before[part].at);
	graph->before[part] = (struct edges){0};
}

bool graph_is_whole(const struct graph *graph, int node)
{
	return graph->whole[node] == node;
}

/* Whether `target` has to come before any node that comes before `from`, but for itself. */
static bool comes_between(struct graph *graph, int from, int target)
{
	size_t depth = 0;
	bool found = false;
	struct edges stack = {0};
	for (size_t i = 0; i < graph->count; i++)
		graph->seen[i] = false;
	for (size_t i = 0; i < graph->before[from].count; i++)
		if (whole_of(graph, graph->before[from].at[i]) != target)
			add(&stack, whole_of(graph, graph->before[from].at[i]));
	graph->seen[from] = true;
	for (; depth < stack.count && !found; depth++) {
		int node = stack.at[depth];
		found = node == target;
		if (graph->seen[node])
			continue;
		graph->seen[node] = true;
		for (size_t i = 0; i < graph->before[node].count; i++)
			add(&stack, whole_of(graph, graph->before[node].at[i]));
	}
	free(stack.at);
	return found;
}

bool graph_merge_if_possible(struct graph *graph, int part, int whole)
{
	part = whole_of(graph, part);
	whole = whole_of(graph, whole);
	if (part != whole &&
	    (comes_between(graph, part, whole) || comes_between(graph, whole, part)))
		return false;
	graph_merge(graph, part, whole);
	return true;
}

static bool is_ready(const struct graph *graph, const bool *done, int node)
{
	for (size_t i = 0; i < graph->before[node].count; i++) {
		int first = whole_of(graph, graph->before[node].at[i]);
		if (first != node && !done[first])
			return false;
	}
	return true;
}

static int choose(const struct graph *graph, const bool *done, bool anyhow,
                  bool (*before)(void *ctx, int a, int b), void *ctx)
{
	int chosen = -1;
	for (int node = 0; node < (int)graph->count; node++)
		if (!done[node] && graph_is_whole(graph, node) &&
		    (chosen < 0 || before(ctx, node, chosen)) &&
		    (anyhow || is_ready(graph, done, node)))
			chosen = node;
	return chosen;
}

void graph_sort(struct graph *graph, bool (*before)(void *ctx, int a, int b),
                void (*each)(void *ctx, int node), void *ctx)
{
	bool *done = graph->seen;
	for (size_t i = 0; i < graph->count; i++)
		done[i] = false;
	for (;;) {
		int node = choose(graph, done, false, before, ctx);
		if (node < 0)
			node = choose(graph, done, true, before, ctx);
		if (node < 0)
			return;
		done[node] = true;
		each(ctx, node);
	}
}
