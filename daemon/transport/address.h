/* address - where to listen: "127.0.0.1:7400", "[::1]:7400", "unix:/run/prismd/rpc.sock".
 *
 * Owns: nothing. Errors: false with a message that says what is allowed. */
#pragma once
#include "proto/status.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { ADDRESS_TEXT_SIZE = 128, ADDRESS_MESSAGE_SIZE = 256 };

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len;
};

/* Numeric addresses only: a name could mean another interface tomorrow. */
MUST_CHECK
bool address_parse(const char *text, struct address *out, char message[ADDRESS_MESSAGE_SIZE]);

/* As it is written in the configuration, with the actual port. */
void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

static inline bool address_is_unix(const struct address *address)
{
	return address->any.sa_family == AF_UNIX;
}

/* Nobody but this machine can reach it. */
bool address_is_local(const struct address *address);

/* 0 for a unix socket. */
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
