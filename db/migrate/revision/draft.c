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

static size_t count_renames(const struct draft *draft)
{
	size_t count = 0;
	for (size_t i = 0; i < draft->renames->count; i++)
		count += !draft->renames->at[i].used;
	return count;
}

static size_t count_statements(const struct draft *draft)
{
	size_t count = count_renames(draft);
	for (size_t i = 0; i < draft->count; i++)
		count += draft->plans[i]->count;
	return count;
}

bool draft_is_empty(const struct draft *draft)
{
	return count_statements(draft) == 0;
}

static bool any(const struct draft *draft, bool (*is)(const struct statement *statement))
{
	for (size_t i = 0; i < draft->count; i++)
		for (size_t j = 0; j < draft->plans[i]->count; j++)
			if (is(&draft->plans[i]->at[j]))
				return true;
	return false;
}

static bool is_outside(const struct statement *statement)
{
	return statement->place == PLACE_OUTSIDE;
}

static bool is_alone(const struct statement *statement)
{
	return statement->place == PLACE_ALONE;
}

static bool is_forward(const struct statement *statement)
{
	return statement->forward;
}

static void add_renames(const struct draft *draft, struct text *text)
{
	size_t count = draft->renames->count;
	for (size_t i = 0; i < count; i++) {
		const struct hint *hint = &draft->renames->at[draft->up ? i : count - 1 - i];
		if (!hint->used)
			text_add_all(text, draft->up ? hint->up : hint->down, ";\n", NULL);
	}
}

static void add_plan(const struct plan *plan, struct text *text)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->at[i].hazard)
			text_add_all(text, "-- Beware: ", plan->at[i].hazard, ".\n", NULL);
		text_add_all(text, plan->at[i].text, ";\n", NULL);
	}
}

char *draft_text(const struct draft *draft, const char *comment)
{
	struct text text = {0};
	/* What wants a transaction to itself has one if it is all there is. */
	bool none = any(draft, is_outside) || (any(draft, is_alone) && count_statements(draft) > 1);
	bool forward = any(draft, is_forward);
	text_add_all(&text, comment, none ? "-- prism: transaction none\n" : "", NULL);
	if (forward)
		text_add_all(&text, none ? "SET" : "SET LOCAL", " check_function_bodies = off;\n", NULL);
	if (draft->up)
		add_renames(draft, &text);
	for (size_t i = 0; i < draft->count; i++) {
		add_plan(draft->plans[i], &text);
		if (i == 0 && !draft->up)
			add_renames(draft, &text);
	}
	if (forward && none)
		text_add(&text, "RESET check_function_bodies;\n");
	return text_take(&text);
}
