#include "client/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char ADDRESS_DEFAULT[] = "127.0.0.1:7400";

#define DEFAULT_PORT "7400"

enum { PATH_MOST = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };

static bool refuse(char message[ADDRESS_MESSAGE_SIZE], const char *text, const char *why)
{
	snprintf(message, ADDRESS_MESSAGE_SIZE,
	         "bad address \"%.80s\": %s (host:port, [ipv6]:port and unix:/path are allowed)",
	         text, why);
	return false;
}

static bool parse_unix(const char *text, const char *path, struct address *out,
                       char message[ADDRESS_MESSAGE_SIZE])
{
	size_t len = strlen(path);
	if (path[0] != '/')
		return refuse(message, text, "the path of a unix socket must begin with /");
	if (len > PATH_MOST)
		return refuse(message, text, "the path of a unix socket has at most 107 bytes");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	memcpy(un.sun_path, path, len + 1);
	memcpy(&out->socket, &un, sizeof un);
	out->socket_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	snprintf(out->text, sizeof out->text, "unix:%s", path);
	return true;
}

static bool port_valid(const char *port)
{
	size_t len = strlen(port);
	if (len == 0 || len > 5 || strspn(port, "0123456789") != len)
		return false;
	long number = strtol(port, NULL, 10);
	return number > 0 && number <= 65535;
}

/* A numeric host becomes a socket address at once; any other is a name. */
static void host_known(struct address *out)
{
	uint16_t port = htons((uint16_t)strtol(out->port, NULL, 10));
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = port};
	if (inet_pton(AF_INET, out->host, &in.sin_addr) == 1) {
		memcpy(&out->socket, &in, sizeof in);
		out->socket_len = sizeof in;
	} else if (inet_pton(AF_INET6, out->host, &in6.sin6_addr) == 1) {
		memcpy(&out->socket, &in6, sizeof in6);
		out->socket_len = sizeof in6;
	} else {
		out->kind = ADDRESS_NAME;
	}
}

/* The host's extent in `text`, and what follows it: "" or ":port". NULL: malformed. */
static const char *host_split(const char *text, const char **host, size_t *host_len)
{
	const char *after;
	if (text[0] == '[') {
		after = strchr(text, ']');
		*host = text + 1;
		*host_len = after ? (size_t)(after - *host) : 0;
		after = after ? after + 1 : NULL;
	} else {
		after = strchrnul(text, ':');
		*host = text;
		*host_len = (size_t)(after - text);
	}
	return after && (*after == ':' || *after == '\0') ? after : NULL;
}

static bool parse_host(const char *text, struct address *out, char message[ADDRESS_MESSAGE_SIZE])
{
	const char *host;
	size_t host_len;
	const char *after = host_split(text, &host, &host_len);
	if (!after)
		return refuse(message, text, "an address in brackets must be [ipv6]:port");
	const char *port = *after == ':' ? after + 1 : DEFAULT_PORT;
	if (strchr(port, ':'))
		return refuse(message, text, "an IPv6 address must be in brackets");
	if (host_len == 0 || host_len >= sizeof out->host)
		return refuse(message, text, "the host must have 1 to 253 characters");
	if (!port_valid(port))
		return refuse(message, text, "the port must be a number from 1 to 65535");
	memcpy(out->host, host, host_len);
	memcpy(out->port, port, strlen(port) + 1);
	host_known(out);
	if (*text == '[' && (out->kind == ADDRESS_NAME || out->socket.ss_family != AF_INET6))
		return refuse(message, text, "what is in brackets must be an IPv6 address");
	bool brackets = out->socket.ss_family == AF_INET6;
	snprintf(out->text, sizeof out->text, brackets ? "[%s]:%s" : "%s:%s", out->host, out->port);
	return true;
}

bool address_read(const char *text, struct address *out, char message[ADDRESS_MESSAGE_SIZE])
{
	struct address address = {.kind = ADDRESS_KNOWN};
	bool parsed = strncmp(text, "unix:", 5) == 0 ? parse_unix(text, text + 5, &address, message)
	                                             : parse_host(text, &address, message);
	if (parsed)
		*out = address;
	return parsed;
}

void address_use(struct address *address, const struct addrinfo *resolved)
{
	memcpy(&address->socket, resolved->ai_addr, resolved->ai_addrlen);
	address->socket_len = resolved->ai_addrlen;
}
