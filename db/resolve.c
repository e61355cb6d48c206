#include "db/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_SIZE = 2048, HOST_SIZE = 256 };

struct resolve {
	uv_getaddrinfo_t request;
	const struct conninfo *conninfo;
	void (*done)(void *ctx, struct conninfo *resolved, const char *why);
	void (*gone)(void *ctx);
	void *ctx;
	size_t at;                 /* which host of the list is being looked up */
	size_t count;              /* hosts that have an address */
	char why[HOST_SIZE + 128]; /* the last one that has none */
	char host[LIST_SIZE], hostaddr[LIST_SIZE], port[LIST_SIZE];
};

/* The n-th item of a comma-separated list; a list of one port holds for every host. */
static bool item(const char *list, size_t n, char out[HOST_SIZE])
{
	for (; n > 0; n--) {
		list = strchr(list, ',');
		if (!list)
			return false;
		list++;
	}
	size_t length = strcspn(list, ",");
	if (length >= HOST_SIZE)
		return false;
	memcpy(out, list, length);
	out[length] = '\0';
	return true;
}

static bool is_name(const char *host)
{
	struct in6_addr address;
	return *host && *host != '/' && *host != '@' && inet_pton(AF_INET, host, &address) != 1 &&
	       inet_pton(AF_INET6, host, &address) != 1;
}

bool resolve_needed(const struct conninfo *conninfo)
{
	if (*conninfo_get(conninfo, "hostaddr"))
		return false;
	char host[HOST_SIZE];
	const char *hosts = conninfo_get(conninfo, "host");
	for (size_t n = 0; item(hosts, n, host); n++)
		if (is_name(host))
			return true;
	return false;
}

static bool append(char list[LIST_SIZE], const char *text, bool first)
{
	size_t length = strlen(list);
	int added = snprintf(list + length, LIST_SIZE - length, "%s%s", first ? "" : ",", text);
	return added >= 0 && (size_t)added < LIST_SIZE - length;
}

/* One more host with one address; libpq wants the three lists equally long. */
static bool append_host(struct resolve *resolve, const char *host, const char *address)
{
	bool first = resolve->count++ == 0;
	const char *ports = conninfo_get(resolve->conninfo, "port");
	char port[HOST_SIZE] = "";
	if (!item(ports, resolve->at, port) && !item(ports, 0, port))
		return false;
	return append(resolve->host, host, first) && append(resolve->hostaddr, address, first) &&
	       append(resolve->port, port, first);
}

static void finish(struct resolve *resolve, const char *why)
{
	if (resolve->done) {
		struct conninfo *resolved = NULL;
		if (!why)
			resolved = conninfo_with_hosts(resolve->conninfo, resolve->host,
			                               resolve->hostaddr, resolve->port);
		resolve->done(resolve->ctx, resolved, resolved ? NULL : why ? why : "no memory");
	}
	void (*gone)(void *ctx) = resolve->gone;
	void *ctx = resolve->ctx;
	free(resolve);
	gone(ctx);
}

/* One host that is known will do: the others may be back by the next connection. */
static void complete(struct resolve *resolve)
{
	if (resolve->count)
		finish(resolve, NULL);
	else
		finish(resolve,
		       *resolve->why ? resolve->why : "the database's host has no address");
}

static bool append_addresses(struct resolve *resolve, const char *host,
                             const struct addrinfo *address)
{
	for (; address; address = address->ai_next) {
		char text[INET6_ADDRSTRLEN] = "";
		if (getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof(text), NULL, 0,
		                NI_NUMERICHOST) != 0)
			continue;
		if (!append_host(resolve, host, text))
			return false;
	}
	return true;
}

enum step {
	STEP_WAITING, /* on_addresses() will be called */
	STEP_COMPLETE,
	STEP_FAILED,
};

static void on_addresses(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses);

/* Looks up the next name; hosts that need none are taken as they are. */
static enum step next_host(struct resolve *resolve)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char host[HOST_SIZE];
	const char *hosts = conninfo_get(resolve->conninfo, "host");
	for (; item(hosts, resolve->at, host); resolve->at++) {
		if (is_name(host)) {
			int started = uv_getaddrinfo(resolve->request.loop, &resolve->request,
			                             on_addresses, host, NULL, &hints);
			return started == 0 ? STEP_WAITING : STEP_FAILED;
		}
		bool path = *host == '/' || *host == '@';
		if (!append_host(resolve, host, path ? "" : host))
			return STEP_FAILED;
	}
	return STEP_COMPLETE;
}

static void on_addresses(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
	struct resolve *resolve = request->data;
	char host[HOST_SIZE] = "";
	if (!resolve->done) {
		uv_freeaddrinfo(addresses);
		finish(resolve, "abandoned");
		return;
	}
	(void)item(conninfo_get(resolve->conninfo, "host"), resolve->at, host);
	if (status != 0)
		snprintf(resolve->why, sizeof(resolve->why),
		         "could not find the address of host \"%s\": %s", host,
		         uv_strerror(status));
	bool fits = append_addresses(resolve, host, addresses);
	uv_freeaddrinfo(addresses);
	resolve->at++;
	enum step step = fits ? next_host(resolve) : STEP_FAILED;
	if (step == STEP_FAILED)
		finish(resolve, "too many database hosts");
	else if (step == STEP_COMPLETE)
		complete(resolve);
}

struct resolve *resolve_start(uv_loop_t *loop, const struct conninfo *conninfo,
                              void (*done)(void *ctx, struct conninfo *resolved, const char *why),
                              void (*gone)(void *ctx), void *ctx)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));
	if (!resolve)
		return NULL;
	resolve->conninfo = conninfo;
	resolve->done = done;
	resolve->gone = gone;
	resolve->ctx = ctx;
	resolve->request.data = resolve;
	resolve->request.loop = loop;
	if (next_host(resolve) != STEP_WAITING) {
		free(resolve);
		return NULL;
	}
	return resolve;
}

void resolve_abandon(struct resolve *resolve)
{
	resolve->done = NULL;
	(void)uv_cancel((uv_req_t *)&resolve->request);
}
