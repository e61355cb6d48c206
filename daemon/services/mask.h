/* mask - google.protobuf.FieldMask as bits (https://google.aip.dev/134).
 *
 * Errors: MASK_INVALID: no paths, or one that is not in the table; the text lists those that are.
 */
#pragma once
#include "daemon/rpc/call.h"

#include "google/protobuf/field_mask.pb-c.h"

enum { MASK_PATHS_MAX = 31 }; /* bits that an int4 has without its sign */

/* Those that the .proto file allows for update_mask in this method's request, then NULL. */
const char *const *mask_paths(const struct call *call);

/* *bits gets 1 << i for each paths[i] that the mask names. `paths`: up to MASK_PATHS_MAX, then
 * NULL. */
MUST_CHECK
enum status mask_read(struct call *call, const Google__Protobuf__FieldMask *mask,
                      const char *const paths[], int32_t *bits);
