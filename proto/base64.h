/* base64 - bytes as text (RFC 4648).
 *
 * Owns: nothing. Units: lengths in bytes. */
#pragma once
#include "proto/bytes.h"

/* What base64 of `len` bytes takes, without NUL; and the most that `len` characters can say. */
size_t base64_text_len(size_t len);
size_t base64_data_len(size_t len);

void base64_write(struct bytes data, char *out);
/* Both alphabets, padding optional; `out` may be text.data. False: no base64. */
bool base64_read(struct bytes text, uint8_t *out, size_t *len);
