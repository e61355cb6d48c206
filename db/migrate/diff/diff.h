/* diff - what becomes of each object on the way from one catalog to another. Private to diff/.
 *
 * match.c finds what differs, spread.c what has to go along, order.c in which order, write.c the
 * words. */
#pragma once
#include "db/migrate/catalog/catalog.h"
#include "db/migrate/diff/plan.h"

enum action {
	ACTION_KEEP,
	ACTION_MAKE,
	ACTION_DROP,
	ACTION_CHANGE,  /* in place */
	ACTION_RENAME,  /* the same under another name */
	ACTION_REPLACE, /* dropped, and made anew */
	ACTION_SWAP,    /* a type: the old one steps aside, columns change over, then it goes */
};

enum { NO_NODE = -1 };

struct change {
	struct object *old, *new;
	enum action action;
	const char *text;         /* CHANGE: this in place of new->change, or NULL */
	int drop_node, make_node; /* CHANGE and RENAME: the same one, in make_node */
	bool inlined;             /* its parent's statement makes it */
};

struct diff {
	const struct catalog *from, *to;
	const struct plan_settings *settings;
	struct change *at;
	size_t count;
	struct change **of_old, **of_new; /* by the objects' index; NULL: nothing to do */
};

void diff_match(struct diff *diff, const struct catalog *from, const struct catalog *to,
                const struct plan_settings *settings);
void diff_spread(struct diff *diff);
void diff_clear(struct diff *diff);

/* Whether the change has a statement that removes, or one that makes, of whichever kind. */
bool change_drops(const struct change *change);
bool change_makes(const struct change *change);

/* The parent of its parent, and so on: itself, if it has none. */
const struct object *object_root(const struct object *object);

/* The change of the object's parent; NULL: it has none. */
struct change *diff_parent(const struct diff *diff, const struct change *change);

/* Whether what it hangs on was there before and stays: it may be in use. */
bool diff_is_live(const struct diff *diff, const struct change *change);

/* An enum that only gets more labels. */
bool enum_grows(const struct object *old, const struct object *new);

/* The changes in their order; each that has statements once for each of its nodes. */
struct step_of {
	struct change *change;
	bool drop;
};
struct sequence {
	struct step_of *at;
	size_t count;
};
void diff_order(struct diff *diff, struct sequence *out);
