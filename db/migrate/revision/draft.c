#include "db/migrate/revision/draft.h"

#include <assert.h>
#include <stdlib.h>

void draft_add(struct draft *draft, struct plan *plan)
{
	assert(draft->count < DRAFT_PLANS_MAX);
	draft->plans[draft->count++] = plan;
}

void draft_clear(struct draft *draft)
{
	for (size_t i = 0; i < draft->count; i++)
		plan_free(draft->plans[i]);
	*draft = (struct draft){0};
}

/* All statements in their order; renames have no hazard. The texts are borrowed. */
static struct statement *flatten(const struct draft *draft, size_t *count)
{
	size_t renames = draft->renames->count, most = renames, at = 0;
	for (size_t i = 0; i < draft->count; i++)
		most += draft->plans[i]->count;
	struct statement *all = must_zero(most, sizeof(struct statement));
	for (size_t i = 0; draft->up && i < renames; i++)
		if (!draft->renames->at[i].used)
			all[at++].text = draft->renames->at[i].up;
	for (size_t i = 0; i < draft->count; i++) {
		for (size_t j = 0; j < draft->plans[i]->count; j++)
			all[at++] = draft->plans[i]->at[j];
		for (size_t j = renames; i == 0 && !draft->up && j-- > 0;)
			if (!draft->renames->at[j].used)
				all[at++].text = draft->renames->at[j].down;
	}
	*count = at;
	return all;
}

bool draft_is_empty(const struct draft *draft)
{
	size_t count;
	free(flatten(draft, &count));
	return count == 0;
}

/* What wants a transaction to itself has one if it is all there is. */
static bool wants_transaction(const struct statement *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].place == PLACE_OUTSIDE || (all[i].place == PLACE_ALONE && count > 1))
			return false;
	return true;
}

static void add_statements(struct text *text, const struct statement *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].hazard)
			text_add_all(text, "-- Beware: ", all[i].hazard, ".\n", NULL);
		text_add_all(text, all[i].text, ";\n", NULL);
	}
}

static void add_functions_off(struct text *text, const struct statement *all, size_t count)
{
	bool forward = false;
	for (size_t i = 0; i < count; i++)
		forward = forward || all[i].forward;
	if (forward)
		text_add(text, "SET LOCAL check_function_bodies = off;\n");
}

/* Neighbours that can share a transaction do so, in a block. */
static void add_blocks(struct text *text, const struct statement *all, size_t count)
{
	for (size_t i = 0; i < count;) {
		size_t together = 0;
		while (i + together < count && all[i + together].place == PLACE_INSIDE)
			together++;
		bool block = together > 1 || (together == 1 && all[i].forward);
		text_add(text, block ? "BEGIN;\n" : "");
		add_functions_off(text, all + i, block ? together : 0);
		add_statements(text, all + i, together ? together : 1);
		text_add(text, block ? "COMMIT;\n" : "");
		i += together ? together : 1;
	}
}

char *draft_text(const struct draft *draft, const char *comment)
{
	struct text text = {0};
	size_t count;
	struct statement *all = flatten(draft, &count);
	text_add(&text, comment);
	if (wants_transaction(all, count)) {
		add_functions_off(&text, all, count);
		add_statements(&text, all, count);
	} else {
		text_add(&text, "-- prism: transaction none\n");
		add_blocks(&text, all, count);
	}
	free(all);
	return text_take(&text);
}
