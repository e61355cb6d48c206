/* json_object - is a text one JSON object (RFC 8259)? For fields that carry JSON as text.
 *
 * Stricter than the RFC where PostgreSQL's jsonb is: no \u0000, surrogates in pairs. Nesting goes
 * to LIMIT_JSON_DEPTH; numbers are those that jsonb holds, and writes out in moderate length
 * (LIMIT_JSON_NUMBER, LIMIT_JSON_EXPONENT). Valid UTF-8 is presumed (wire_check). Errors: what is
 * wrong, static text. */
#pragma once
#include "proto/bytes.h"

/* NULL if it is. */
const char *json_object_fault(struct bytes text);
