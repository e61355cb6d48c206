#include "db/migrate/diff/diff.h"
#include "db/migrate/memory.h"

#include <stdlib.h>
#include <string.h>

/* The labels of `old` in `new`, in their order, with others between them. */
bool enum_grows(const struct object *old, const struct object *new)
{
	const char *label = old->shape, *in = new->shape;
	while (*label) {
		size_t len = strcspn(label, "\x1e"), other = strcspn(in, "\x1e");
		if (!*in)
			return false;
		if (len == other && memcmp(label, in, len) == 0)
			label += len + (label[len] != '\0');
		in += other + (in[other] != '\0');
	}
	return true;
}

static enum action decide(const struct object *old, const struct object *new)
{
	if (strcmp(old->definition, new->definition) == 0)
		return ACTION_KEEP;
	if (old->kind == KIND_ENUM && enum_grows(old, new))
		return ACTION_CHANGE;
	if (old->kind == KIND_ENUM || old->kind == KIND_DOMAIN)
		return ACTION_SWAP;
	return strcmp(old->shape, new->shape) == 0 && new->change[0] ? ACTION_CHANGE
	                                                             : ACTION_REPLACE;
}

static void add(struct diff *diff, struct object *old, struct object *new)
{
	struct change *change = &diff->at[diff->count++];
	*change =
		(struct change){.old = old, .new = new, .drop_node = NO_NODE, .make_node = NO_NODE};
	if (!old)
		change->action = new->only_new ? ACTION_KEEP : ACTION_MAKE;
	else if (!new)
		change->action = ACTION_DROP;
	else
		change->action = decide(old, new);
	if (old)
		diff->of_old[old->index] = change;
	if (new)
		diff->of_new[new->index] = change;
}

/* The column that a sequence goes with; "": none. */
static const char *owner_of(const struct catalog *catalog, const struct object *sequence)
{
	const struct object *owner = catalog_find(catalog, KIND_SEQUENCE_OWNER, sequence->name);
	return owner ? owner->definition : "";
}

static bool same_place(const struct diff *diff, const struct object *old, const struct object *new)
{
	if (old->kind == KIND_SEQUENCE)
		return *owner_of(diff->from, old) &&
		       strcmp(owner_of(diff->from, old), owner_of(diff->to, new)) == 0;
	return old->parent && new->parent &&strcmp(old->parent->name, new->parent->name) == 0;
}

static bool is_twin(const struct diff *diff, const struct change *gone, const struct change *come)
{
	const struct object *old = gone->old, *new = come->new;
	return gone->action == ACTION_DROP && come->action == ACTION_MAKE &&
	       old->kind == new->kind &&new->rename[0] &&
	       strcmp(old->definition, new->definition) == 0 && same_place(diff, old, new);
}

/* Whose it is comes along. */
static void keep_owner(struct diff *diff, const struct change *change)
{
	const struct object *old = catalog_find(diff->from, KIND_SEQUENCE_OWNER, change->old->name);
	const struct object *new = catalog_find(diff->to, KIND_SEQUENCE_OWNER, change->new->name);
	if (old && new) {
		diff->of_old[old->index]->action = ACTION_KEEP;
		diff->of_new[new->index]->action = ACTION_KEEP;
	}
}

/* An index, a constraint or a column's sequence that is there under another name is renamed, not
 * made again. */
static void pair_twins(struct diff *diff)
{
	for (size_t i = 0; i < diff->count; i++) {
		struct change *gone = &diff->at[i];
		for (size_t j = 0; j < diff->count && gone->action == ACTION_DROP; j++) {
			struct change *come = &diff->at[j];
			if (!is_twin(diff, gone, come))
				continue;
			gone->new = come->new;
			gone->action = ACTION_RENAME;
			diff->of_new[come->new->index] = gone;
			come->action = ACTION_KEEP;
			come->new = NULL;
			if (gone->old->kind == KIND_SEQUENCE)
				keep_owner(diff, gone);
		}
	}
}

const struct object *object_root(const struct object *object)
{
	while (object->parent)
		object = object->parent;
	return object;
}

/* What a partition has from its parent: under the same names, or (true) under names of its own. */
static bool is_inherited(enum kind kind, bool *own_name)
{
	static const enum kind same[] = {KIND_COLUMN,  KIND_NOT_NULL, KIND_DEFAULT,
	                                 KIND_STORAGE, KIND_CHECK,    KIND_TRIGGER};
	static const enum kind own[] = {KIND_PRIMARY_KEY, KIND_UNIQUE, KIND_FOREIGN_KEY,
	                                KIND_INDEX};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (kind == same[i])
			return !(*own_name = false);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (kind == own[i])
			return *own_name = true;
	return false;
}

/* Whether the parent has the like of what is a part of `table`. */
static bool parent_has(const struct catalog *catalog, const struct object *part,
                       const struct object *table, const struct object *parent)
{
	struct text name = {0};
	text_add_all(&name, parent->name, part->name + strlen(table->name), NULL);
	bool has = catalog_find(catalog, part->kind, text_string(&name));
	text_clear(&name);
	return has;
}

static void excuse_parts(struct diff *diff, const struct catalog *catalog,
                         const struct object *table, const struct object *parent)
{
	for (size_t i = 0; i < diff->count; i++) {
		struct change *change = &diff->at[i];
		const struct object *object = change->new ? change->new : change->old;
		bool own_name;
		if (!object || !is_inherited(object->kind, &own_name) ||
		    (change->action != ACTION_MAKE && change->action != ACTION_DROP))
			continue;
		const struct object *root = object_root(object);
		if (root->kind == KIND_TABLE && strcmp(root->name, table->name) == 0 &&
		    (own_name || parent_has(catalog, object, table, parent)))
			change->action = ACTION_KEEP;
	}
}

/* A table that becomes a partition, or stops being one, keeps the columns and keys that both have;
 * only whose they are changes. */
static void excuse_partition(struct diff *diff, const struct change *change)
{
	const struct object *object = change->new ? change->new : change->old;
	if (!object || object->kind != KIND_INHERITANCE ||
	    (change->action != ACTION_MAKE && change->action != ACTION_DROP) ||
	    !catalog_find(diff->from, KIND_TABLE, object->parent->name) ||
	    !catalog_find(diff->to, KIND_TABLE, object->parent->name))
		return;
	for (size_t i = 0; i < object->need_count; i++)
		if (object->needs[i]->kind == KIND_TABLE && object->needs[i] != object->parent)
			excuse_parts(diff, change->new ? diff->to : diff->from, object->parent,
			             object->needs[i]);
}

/* Taking a privilege on a table takes it on the table's columns too: those that stay are given
 * again. */
static void give_again(struct diff *diff, const struct object *taken)
{
	size_t len = strlen(taken->name);
	for (size_t i = 0; i < diff->count; i++) {
		struct change *change = &diff->at[i];
		if (change->action != ACTION_KEEP || !change->new || change->new->only_new ||
		    change->new->kind != KIND_GRANT ||
		    strncmp(change->new->name, taken->name, len) != 0 ||
		    strncmp(change->new->name + len, " (", 2) != 0)
			continue;
		change->action = ACTION_CHANGE;
		change->text = change->new->make;
	}
}

static void keep_column_grants(struct diff *diff)
{
	for (size_t i = 0; i < diff->count; i++) {
		const struct change *change = &diff->at[i];
		if (change->action == ACTION_DROP && change->old->kind == KIND_GRANT)
			give_again(diff, change->old);
	}
}

void diff_match(struct diff *diff, const struct catalog *from, const struct catalog *to,
                const struct plan_settings *settings)
{
	*diff = (struct diff){.from = from, .to = to, .settings = settings};
	diff->at = must_zero(from->count + to->count, sizeof(struct change));
	diff->of_old = must_zero(from->count, sizeof(struct change *));
	diff->of_new = must_zero(to->count, sizeof(struct change *));
	for (size_t i = 0, j = 0; i < from->count || j < to->count;) {
		if (i < from->count && from->at[i]->only_new) {
			i++;
			continue;
		}
		int order = i == from->count ? 1
		            : j == to->count ? -1
		                             : object_compare(from->at[i], to->at[j]);
		if (order == 0 && to->at[j]->only_new)
			order = -1;
		struct object *old = order <= 0 ? from->at[i++] : NULL;
		struct object *new = order >= 0 ? to->at[j++] : NULL;
		add(diff, old, new);
	}
	pair_twins(diff);
	for (size_t i = 0; i < diff->count; i++)
		excuse_partition(diff, &diff->at[i]);
	keep_column_grants(diff);
}

void diff_clear(struct diff *diff)
{
	free(diff->at);
	free(diff->of_old);
	free(diff->of_new);
	*diff = (struct diff){0};
}

bool change_drops(const struct change *change)
{
	return change->action == ACTION_DROP || change->action == ACTION_REPLACE ||
	       change->action == ACTION_SWAP;
}

bool change_makes(const struct change *change)
{
	return change->action == ACTION_MAKE || change->action == ACTION_REPLACE ||
	       change->action == ACTION_SWAP;
}

struct change *diff_parent(const struct diff *diff, const struct change *change)
{
	if (change->new && change->new->parent)
		return diff->of_new[change->new->parent->index];
	if (change->old && change->old->parent)
		return diff->of_old[change->old->parent->index];
	return NULL;
}

bool diff_is_live(const struct diff *diff, const struct change *change)
{
	const struct change *parent = diff_parent(diff, change);
	return parent && parent->old && parent->new && !change_makes(parent) &&
	       !change_drops(parent) && (!diff_parent(diff, parent) || diff_is_live(diff, parent));
}

/* What comes or goes with something else is not worth a line of its own. */
static bool goes_along(const struct diff *diff, const struct change *change)
{
	const struct change *parent = diff_parent(diff, change);
	return parent && parent->action == change->action &&
	       (change->action == ACTION_MAKE || change->action == ACTION_DROP);
}

void plan_differences(const struct catalog *from, const struct catalog *to,
                      void (*each)(void *ctx, const struct object *from, const struct object *to),
                      void *ctx)
{
	struct diff diff;
	const struct plan_settings settings = {false};
	diff_match(&diff, from, to, &settings);
	for (size_t i = 0; i < diff.count; i++)
		if (diff.at[i].action != ACTION_KEEP && !goes_along(&diff, &diff.at[i]))
			each(ctx, diff.at[i].old, diff.at[i].new);
	diff_clear(&diff);
}
