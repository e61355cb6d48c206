/* address - where a daemon listens, as people write it.
 *
 * Owns: nothing. Errors: false, and a message that says what is allowed. */
#pragma once
#include "proto/status.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

enum address_kind {
	ADDRESS_KNOWN, /* a unix socket or numeric: `socket` is filled in */
	ADDRESS_NAME,  /* `host` is to be resolved */
};

enum { ADDRESS_MESSAGE_SIZE = 256, ADDRESS_TEXT_SIZE = 272 };

struct address {
	enum address_kind kind;
	struct sockaddr_storage socket;
	socklen_t socket_len;
	char host[254]; /* DNS allows 253 characters */
	char port[6];
	char text[ADDRESS_TEXT_SIZE]; /* for messages: "unix:/run/prismd/rpc.sock", "[::1]:7400" */
};

extern const char ADDRESS_DEFAULT[]; /* "127.0.0.1:7400" */

/* "127.0.0.1:7400", "[::1]:7400", "host:7400", "host", "unix:/path". */
MUST_CHECK
bool address_read(const char *text, struct address *out, char message[ADDRESS_MESSAGE_SIZE]);

/* The address that a name resolved to; `text` stays. */
void address_use(struct address *address, const struct addrinfo *resolved);
