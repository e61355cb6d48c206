/* mask - google.protobuf.FieldMask as bits (https://google.aip.dev/134).
 *
 * Errors: MASK_INVALID: no paths, or one that is not in the table; the text lists those that are.
 */
#pragma once
#include "daemon/rpc/call.h"

#include "google/protobuf/field_mask.pb-c.h"

/* *bits gets 1 << i for each paths[i] that the mask names. `paths` ends with NULL. */
MUST_CHECK
enum status mask_read(struct call *call, const Google__Protobuf__FieldMask *mask,
                      const char *const paths[], int32_t *bits);
