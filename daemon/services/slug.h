/* slug - a name as part of an address: lower-case ASCII letters and digits with single hyphens.
 *
 * Marks are stripped after compatibility decomposition (NFKD, https://unicode.org/reports/tr15/),
 * so "Zürich" gives "zurich"; Latin letters that do not decompose have a table, so "Bjørn" gives
 * "bjorn"; what is left of other scripts is nothing, and the fallback serves.
 * Thread: any. */
#pragma once
#include "daemon/rpc/call.h"

/* In the arena. Up to `max` characters; "FALLBACK-" and eight random hexadecimal digits when
 * nothing is left. Errors: RESOURCE_EXHAUSTED: the arena is full. */
MUST_CHECK
enum status slug_make(struct call *call, const char *text, size_t max, const char *fallback,
                      char **slug);

/* Whether it is a word that addresses need for themselves (reserved.def). */
bool slug_reserved(const char *slug);
