/* graph - nodes that have to come before others, some of which are one with another. Private to
 * diff/. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct graph;

struct graph *graph_new(size_t nodes);
void graph_free(struct graph *graph);

/* `first` before `then`. */
void graph_edge(struct graph *graph, int first, int then);

/* `part` is done where `whole` is: one node from here on. */
void graph_merge(struct graph *graph, int part, int whole);

/* The same, unless something that has to come between would make that impossible. */
bool graph_merge_if_possible(struct graph *graph, int part, int whole);

/* Whether the node stands for itself, not for a part of another. */
bool graph_is_whole(const struct graph *graph, int node);

/* Calls each(ctx, node) for each whole node, after all that come before it; among several, for that
 * which before(ctx, a, b) puts first. Where nodes wait for each other in a circle, that choice
 * breaks it. */
void graph_sort(struct graph *graph, bool (*before)(void *ctx, int a, int b),
                void (*each)(void *ctx, int node), void *ctx);
