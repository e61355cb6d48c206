/* What else has to change because something does: PostgreSQL refuses to drop what others need, and
 * to change the type of a column that others were made for. Those others are dropped before and
 * made again after. */
#include "db/migrate/diff/diff.h"
#include "db/migrate/memory.h"

#include <stdlib.h>
#include <string.h>

struct spread {
	struct diff *diff;
	struct object ***dependents; /* of each old object; NULL-terminated */
	struct change **queue;
	size_t queued, done;
};

/* Each enters at most twice: as changed, and as replaced. */
static void push(struct spread *spread, struct change *change)
{
	spread->queue[spread->queued++] = change;
}

static void collect_dependents(struct spread *spread)
{
	const struct catalog *from = spread->diff->from;
	size_t *counts = must_zero(from->count, sizeof(size_t));
	for (size_t i = 0; i < from->count; i++)
		for (size_t j = 0; j < from->at[i]->need_count; j++)
			counts[from->at[i]->needs[j]->index]++;
	for (size_t i = 0; i < from->count; i++) {
		spread->dependents[i] = must_zero(counts[i] + 1, sizeof(struct object *));
		counts[i] = 0;
	}
	for (size_t i = 0; i < from->count; i++)
		for (size_t j = 0; j < from->at[i]->need_count; j++) {
			size_t needed = from->at[i]->needs[j]->index;
			spread->dependents[needed][counts[needed]++] = from->at[i];
		}
	free(counts);
}

static void raise_to(struct spread *spread, struct change *change, enum action action)
{
	if (change->action == ACTION_DROP || change->action == action || !change->new)
		return;
	if (change->action == ACTION_REPLACE || change->action == ACTION_SWAP)
		return;
	change->action = action;
	change->text = NULL;
	push(spread, change);
}

static bool is_generated(const struct object *column)
{
	return column->kind == KIND_COLUMN && column->shape[0];
}

/* What PostgreSQL does not rebuild by itself when a column's type changes. */
static bool minds_type(const struct object *object)
{
	static const enum kind minding[] = {KIND_VIEW,      KIND_MATERIALIZED_VIEW, KIND_RULE,
	                                    KIND_POLICY,    KIND_TRIGGER,           KIND_FUNCTION,
	                                    KIND_PROCEDURE, KIND_FOREIGN_KEY};
	for (size_t i = 0; i < sizeof(minding) / sizeof(minding[0]); i++)
		if (object->kind == minding[i])
			return true;
	return is_generated(object);
}

/* The type itself is another one: columns change over to it, all else that names it is made again.
 */
static void spread_swap(struct spread *spread, const struct object *type,
                        const struct object *dependent)
{
	struct change *change = spread->diff->of_old[dependent->index];
	if (dependent->parent == type)
		raise_to(spread, change, ACTION_REPLACE);
	else if (dependent->kind == KIND_COLUMN && !is_generated(dependent))
		raise_to(spread, change, ACTION_CHANGE);
	else if (dependent->kind == KIND_ATTRIBUTE)
		raise_to(spread, change, ACTION_CHANGE);
	else if (dependent->kind == KIND_DOMAIN)
		raise_to(spread, change, ACTION_SWAP);
	else
		raise_to(spread, change, ACTION_REPLACE);
}

static void spread_retype(struct spread *spread, const struct object *dependent)
{
	struct change *change = spread->diff->of_old[dependent->index];
	if (minds_type(dependent) ||
	    (dependent->kind == KIND_DEFAULT && change->action == ACTION_CHANGE))
		raise_to(spread, change, ACTION_REPLACE);
}

/* A type that columns have is not dropped, nor gets another type for an attribute. */
static void swap_if_used(struct spread *spread, const struct object *type)
{
	struct change *change = spread->diff->of_old[type->index];
	for (struct object **at = spread->dependents[type->index]; *at; at++) {
		if ((*at)->kind != KIND_COLUMN || change->action == ACTION_SWAP)
			continue;
		change->action = ACTION_SWAP;
		push(spread, change);
	}
}

static void spread_one(struct spread *spread, const struct change *change)
{
	if (!change->old)
		return;
	if (change->action == ACTION_CHANGE && change->old->kind == KIND_ATTRIBUTE)
		swap_if_used(spread, change->old->parent);
	if (change->action == ACTION_REPLACE && change->old->kind == KIND_RANGE)
		swap_if_used(spread, change->old);
	for (struct object **at = spread->dependents[change->old->index]; *at; at++) {
		struct change *other = spread->diff->of_old[(*at)->index];
		if (!other)
			continue;
		if (change->action == ACTION_SWAP)
			spread_swap(spread, change->old, *at);
		else if (change_drops(change))
			raise_to(spread, other, ACTION_REPLACE);
		else if (change->action == ACTION_CHANGE && change->old->kind == KIND_COLUMN)
			spread_retype(spread, *at);
	}
}

/* What is only worth a statement because its parent is made after all. */
static void add_only_new(struct diff *diff)
{
	for (size_t i = 0; i < diff->count; i++) {
		struct change *change = &diff->at[i];
		const struct change *parent = diff_parent(diff, change);
		if (change->new && change->new->only_new && parent &&change_makes(parent))
			change->action = ACTION_MAKE;
	}
}

/* An index in use is replaced by one that is ready first. */
static void replace_online(struct diff *diff)
{
	for (size_t i = 0; i < diff->count && diff->settings->online; i++) {
		struct change *change = &diff->at[i];
		if (change->action != ACTION_REPLACE || !change->new->replace_online[0] ||
		    !diff_is_live(diff, change))
			continue;
		change->action = ACTION_CHANGE;
		change->text = change->new->replace_online;
	}
}

void diff_spread(struct diff *diff)
{
	struct spread spread = {.diff = diff};
	spread.dependents = must_zero(diff->from->count, sizeof(struct object **));
	spread.queue = must_zero(diff->count * 3, sizeof(struct change *));
	collect_dependents(&spread);
	replace_online(diff);
	for (size_t i = 0; i < diff->count; i++)
		if (diff->at[i].action != ACTION_KEEP)
			push(&spread, &diff->at[i]);
	while (spread.done < spread.queued)
		spread_one(&spread, spread.queue[spread.done++]);
	add_only_new(diff);
	for (size_t i = 0; i < diff->from->count; i++)
		free(spread.dependents[i]);
	free(spread.dependents);
	free(spread.queue);
}
