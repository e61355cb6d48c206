/* request_key - the request_id that a KEYED request is given when its caller left it empty, so that
 * the same bytes may be sent again: a field behind the packed message, which itself stays as it is.
 *
 * Units: bytes. */
#pragma once
#include "proto/bytes.h"

#include <prism/client.h>

enum { REQUEST_KEY_SIZE = PRISM_UUID_SIZE - 1 };

struct request_key {
	uint32_t field; /* its number */
	size_t len;     /* of the packed field; 0: none is added */
	char text[PRISM_UUID_SIZE];
};

/* Makes a key (a random UUID) if `request` lacks one. Returns what the call is: the method's
 * idempotency, UNSPECIFIED for a KEYED one whose request has no key. `method` and `request` may be
 * NULL. */
enum prism_idempotency request_key_make(struct request_key *key, const struct prism_method *method,
                                        const ProtobufCMessage *request);

/* Writes key->len bytes at `out`. Where the key's text is in them; empty: none was added. */
struct bytes request_key_write(const struct request_key *key, uint8_t *out);
