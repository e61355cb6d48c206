/* schema_maker - schemas made up from a number, with objects of all kinds, as SQL.
 *
 * Each decision is drawn from (base, what is decided), so the same numbers give the same schema. A
 * share of them, chosen by `variation`, is drawn anew: two schemas of one base and two variations
 * are as alike as one and its next version. Variation 0 is the base itself. */
#pragma once
#include <stdint.h>

/* The roles that the schemas name. */
extern const char schema_roles[];

/* For an empty database, with search_path = public. The caller frees it. */
char *schema_make(uint64_t base, uint64_t variation);
