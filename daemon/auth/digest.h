/* digest - a request's hash, to tell the same request from another: BLAKE2b of its packed form
 * without some of its fields. Thread: the call's. Errors: RESOURCE_EXHAUSTED: the arena is full. */
#pragma once
#include "daemon/rpc/call.h"

enum { DIGEST_SIZE = 32 };

/* `without` is a NULL-terminated list of names of fields: strings, integers and bools. */
MUST_CHECK
SUSPENDS
enum status digest_message(struct call *call, const ProtobufCMessage *message,
                           const char *const without[], uint8_t digest[DIGEST_SIZE]);
