#include "daemon/transport/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char UNIX_PREFIX[] = "unix:";
enum { UNIX_PREFIX_LEN = sizeof(UNIX_PREFIX) - 1 };

static bool fail(char message[ADDRESS_MESSAGE_SIZE], const char *text, const char *fault)
{
	snprintf(message, ADDRESS_MESSAGE_SIZE,
	         "'%.80s': %s; allowed are 127.0.0.1:7400, [::1]:7400 and unix:/path", text, fault);
	return false;
}

static bool parse_unix(const char *text, struct address *out, char message[ADDRESS_MESSAGE_SIZE])
{
	const char *path = text + UNIX_PREFIX_LEN;
	size_t len = strlen(path);
	if (path[0] != '/')
		return fail(message, text, "the path of a unix socket begins with '/'");
	if (len >= sizeof(out->un.sun_path))
		return fail(message, text, "the path of a unix socket has at most 107 bytes");
	*out = (struct address){.len = sizeof(out->un)};
	out->un.sun_family = AF_UNIX;
	memcpy(out->un.sun_path, path, len + 1);
	return true;
}

static bool parse_port(const char *text, uint16_t *port)
{
	size_t len = strlen(text);
	if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
		return false;
	unsigned long number = strtoul(text, NULL, 10);
	*port = (uint16_t)number;
	return number <= UINT16_MAX;
}

static bool parse_host(const char *host, bool bracketed, uint16_t port, struct address *out)
{
	*out = (struct address){0};
	if (bracketed) {
		out->len = sizeof(out->in6);
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(port);
		return inet_pton(AF_INET6, host, &out->in6.sin6_addr) == 1;
	}
	out->len = sizeof(out->in);
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons(port);
	return inet_pton(AF_INET, host, &out->in.sin_addr) == 1;
}

bool address_parse(const char *text, struct address *out, char message[ADDRESS_MESSAGE_SIZE])
{
	if (strncmp(text, UNIX_PREFIX, UNIX_PREFIX_LEN) == 0)
		return parse_unix(text, out, message);
	char host[INET6_ADDRSTRLEN + 1];
	bool bracketed = text[0] == '[';
	const char *start = text + bracketed, *colon = strrchr(text, ':');
	if (!colon)
		return fail(message, text, "the port is missing");
	uint16_t port;
	if (!parse_port(colon + 1, &port))
		return fail(message, text, "the port is a number from 0 to 65535");
	const char *end = bracketed ? strchr(start, ']') : colon;
	if (!end || (bracketed && end + 1 != colon))
		return fail(message, text, "an IPv6 address stands in brackets");
	size_t len = (size_t)(end - start);
	if (len >= sizeof(host))
		return fail(message, text, "not a numeric address");
	memcpy(host, start, len);
	host[len] = '\0';
	if (!parse_host(host, bracketed, port, out))
		return fail(message, text, "not a numeric address");
	return true;
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN];
	if (address_is_unix(address)) {
		bool abstract = address->un.sun_path[0] == '\0'; /* only ever inherited */
		size_t head = offsetof(struct sockaddr_un, sun_path) + abstract;
		int len = address->len > head ? (int)(address->len - head) : 0;
		snprintf(text, ADDRESS_TEXT_SIZE, "unix:%s%.*s", abstract ? "@" : "", len,
		         address->un.sun_path + abstract);
	} else if (address->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
		snprintf(text, ADDRESS_TEXT_SIZE, "[%s]:%u", host, address_port(address));
	} else {
		inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
		snprintf(text, ADDRESS_TEXT_SIZE, "%s:%u", host, address_port(address));
	}
}

bool address_is_local(const struct address *address)
{
	if (address_is_unix(address))
		return true;
	if (address->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
	return ntohl(address->in.sin_addr.s_addr) >> 24 == 127;
}

uint16_t address_port(const struct address *address)
{
	if (address_is_unix(address))
		return 0;
	return ntohs(address->any.sa_family == AF_INET6 ? address->in6.sin6_port
	                                                : address->in.sin_port);
}

void address_set_port(struct address *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET6)
		address->in6.sin6_port = htons(port);
	else if (address->any.sa_family == AF_INET)
		address->in.sin_port = htons(port);
}
