/* json_map - which entries of a map count.
 *
 * Thread: any. Stack: not for fibers. */
#pragma once
#include "proto/bytes.h"

#include <protobuf-c/protobuf-c.h>

/* Of entries with the same key the last one counts (https://protobuf.dev/programming-guides/proto3,
 * "Maps"): counts[i] says whether entry i is that one. `key` is the entries' field. False: no
 * memory. */
MUST_CHECK
bool json_map_counts(const ProtobufCFieldDescriptor *key, const ProtobufCMessage *const *entries,
                     size_t count, bool *counts);
