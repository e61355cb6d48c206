/* canonical - the one way to write what the server writes in two.
 *
 * `role IN ('a', 'b')` of a varchar comes back as `(ARRAY['a'::character varying, ...])::text[]`;
 * read again, as `ARRAY[('a'::character varying)::text, ...]`, and so it stays. The second is what
 * is compared. Private to catalog/. */
#pragma once

/* NULL: `text` is canonical. The caller frees it. */
char *canonical_text(const char *text);
