/* libuv 1.44 knows no SO_REUSEPORT, so the sockets are made by hand and opened with uv_tcp_open. */
#include "daemon/transport/listen_address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEEPALIVE_QUESTIONS = 4 };

static int fail(char message[ADDRESS_MESSAGE_SIZE], const struct address *address, const char *what,
                int error)
{
	char text[ADDRESS_TEXT_SIZE];
	address_format(address, text);
	if (error == EADDRINUSE)
		snprintf(message, ADDRESS_MESSAGE_SIZE,
		         "%s: in use by another process; choose another with --listen", text);
	else
		snprintf(message, ADDRESS_MESSAGE_SIZE, "%s: %s: %s", text, what, strerror(error));
	return -1;
}

/* --- options -------------------------------------------------------------- */

struct option {
	int level, name, value;
};

static bool set_options(int fd, const struct option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		               sizeof(options[i].value)) != 0)
			return false;
	return true;
}

/* Whole seconds, at least one. */
static int seconds(uint32_t ms)
{
	return ms < 1000 ? 1 : (int)(ms / 1000);
}

/* On Linux a connection has the options of the socket that it was accepted from: set once here. */
static bool set_tcp_options(int fd, const struct listen_options *given)
{
	const struct option options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, (int)given->user_timeout_ms},
		{SOL_SOCKET, SO_KEEPALIVE, given->keepalive_ms > 0},
		{IPPROTO_TCP, TCP_KEEPIDLE, seconds(given->keepalive_ms)},
		{IPPROTO_TCP, TCP_KEEPINTVL, seconds(given->keepalive_ms / KEEPALIVE_QUESTIONS)},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_QUESTIONS},
	};
	return set_options(fd, options, sizeof(options) / sizeof(*options));
}

static bool takes_ipv4(const struct listen_address *listen)
{
	return listen->options.dual_stack &&
	       IN6_IS_ADDR_UNSPECIFIED(&listen->address.in6.sin6_addr);
}

static bool set_address_options(int fd, const struct listen_address *listen, bool shared)
{
	const struct option reuse_address = {SOL_SOCKET, SO_REUSEADDR, 1};
	const struct option reuse_port = {SOL_SOCKET, SO_REUSEPORT, 1};
	const struct option only_six = {IPPROTO_IPV6, IPV6_V6ONLY, !takes_ipv4(listen)};
	return set_options(fd, &reuse_address, 1) && (!shared || set_options(fd, &reuse_port, 1)) &&
	       (listen->address.any.sa_family != AF_INET6 || set_options(fd, &only_six, 1));
}

/* --- TCP ------------------------------------------------------------------ */

/* `shared`: with SO_REUSEPORT. */
static int tcp_socket(const struct listen_address *listen, bool shared,
                      char message[ADDRESS_MESSAGE_SIZE])
{
	const struct address *address = &listen->address;
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(message, address, "socket", errno);
	if (!set_address_options(fd, listen, shared) || !set_tcp_options(fd, &listen->options)) {
		fail(message, address, "setsockopt", errno);
		close(fd);
		return -1;
	}
	if (bind(fd, &address->any, address->len) != 0) {
		fail(message, address, "cannot listen here", errno);
		close(fd);
		return -1;
	}
	return fd;
}

/* Refused if anybody listens there: a socket without SO_REUSEPORT cannot be bound then. */
static bool tcp_free(const struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	int fd = tcp_socket(listen, false, message);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The address with its actual port, or an inherited socket's. */
static bool read_name(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	struct address *address = &listen->address;
	socklen_t len = sizeof(address->un);
	if (getsockname(listen->fd, &address->any, &len) == 0) {
		address->len = len;
		return true;
	}
	fail(message, address, "getsockname", errno);
	close(listen->fd);
	listen->fd = -1;
	return false;
}

/* The first worker's socket; the kernel picks a port of nobody's if it is 0. */
static bool tcp_bind(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	if (address_port(&listen->address) != 0 && !tcp_free(listen, message))
		return false;
	listen->fd = tcp_socket(listen, true, message);
	return listen->fd >= 0 && read_name(listen, message);
}

/* --- unix ----------------------------------------------------------------- */

static bool somebody_answers(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	int connected = connect(fd, &address->any, address->len);
	bool refused = connected != 0 && (errno == ECONNREFUSED || errno == ENOENT);
	close(fd);
	return !refused;
}

/* What a killed daemon left behind is removed; anything else that has this name is not ours. */
static bool unix_clear(const struct address *address, char message[ADDRESS_MESSAGE_SIZE])
{
	struct stat found;
	if (lstat(address->un.sun_path, &found) != 0)
		return true;
	if (!S_ISSOCK(found.st_mode)) {
		fail(message, address, "exists and is not a socket", EEXIST);
		return false;
	}
	if (somebody_answers(address)) {
		fail(message, address, "", EADDRINUSE);
		return false;
	}
	if (unlink(address->un.sun_path) == 0)
		return true;
	fail(message, address, "cannot remove the stale socket", errno);
	return false;
}

/* The file never lets in more than it should: bind() gives it the socket's mode less the umask. It
 * listens at once, or another daemon that starts now would take it for stale. */
static bool unix_open(struct listen_address *made, int fd)
{
	const struct address *address = &made->address;
	mode_t mode = made->options.unix_mode;
	struct stat file;
	if (mode != 0 && fchmod(fd, mode) != 0)
		return false;
	if (bind(fd, &address->any, address->len) != 0 || lstat(address->un.sun_path, &file) != 0 ||
	    (mode != 0 && chmod(address->un.sun_path, mode) != 0))
		return false;
	made->device = file.st_dev;
	made->inode = file.st_ino;
	return listen(fd, LISTEN_BACKLOG) == 0;
}

static bool unix_bind(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	const struct address *address = &listen->address;
	if (!unix_clear(address, message))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		fail(message, address, "socket", errno);
		return false;
	}
	if (!unix_open(listen, fd)) {
		fail(message, address, "cannot listen here", errno);
		close(fd);
		return false;
	}
	listen->fd = fd;
	return true;
}

static bool file_is_ours(const struct listen_address *listen)
{
	struct stat found;
	return !listen->inherited && lstat(listen->address.un.sun_path, &found) == 0 &&
	       found.st_dev == listen->device && found.st_ino == listen->inode;
}

/* --- any ------------------------------------------------------------------ */

bool listen_address_bind(struct listen_address *listen, const struct address *address,
                         const struct listen_options *options, char message[ADDRESS_MESSAGE_SIZE])
{
	*listen = (struct listen_address){.address = *address, .options = *options, .fd = -1};
	return address_is_unix(address) ? unix_bind(listen, message) : tcp_bind(listen, message);
}

static int option_of(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* What a service manager may have passed is not for us unless it is this. */
static const char *unfit(int fd)
{
	int domain = option_of(fd, SO_DOMAIN);
	if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		return "neither TCP nor a unix socket";
	if (option_of(fd, SO_TYPE) != SOCK_STREAM)
		return "not a stream socket";
	return option_of(fd, SO_ACCEPTCONN) == 1 ? NULL : "does not listen";
}

bool listen_address_adopt(struct listen_address *listen, int fd,
                          const struct listen_options *options, char message[ADDRESS_MESSAGE_SIZE])
{
	*listen = (struct listen_address){.options = *options, .fd = fd, .inherited = true};
	const char *fault = unfit(fd);
	if (fault) {
		snprintf(message, ADDRESS_MESSAGE_SIZE, "inherited descriptor %d: %s", fd, fault);
		listen_address_release(listen);
		return false;
	}
	if (!read_name(listen, message))
		return false;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
	    (address_is_unix(&listen->address) || set_tcp_options(fd, options)))
		return true;
	fail(message, &listen->address, "setsockopt", errno);
	listen_address_release(listen);
	return false;
}

int listen_address_socket(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	if (!listen->inherited && !address_is_unix(&listen->address)) {
		int first = listen->fd;
		listen->fd = -1;
		return first >= 0 ? first : tcp_socket(listen, true, message);
	}
	int fd = fcntl(listen->fd, F_DUPFD_CLOEXEC, 3);
	return fd >= 0 ? fd : fail(message, &listen->address, "dup", errno);
}

void listen_address_release(struct listen_address *listen)
{
	if (listen->fd < 0)
		return;
	if (address_is_unix(&listen->address) && file_is_ours(listen))
		unlink(listen->address.un.sun_path);
	close(listen->fd);
	listen->fd = -1;
}
