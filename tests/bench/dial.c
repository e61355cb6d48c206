#include "tests/bench/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FRAME_MAX = 2048 }; /* a HELLO, or a GOAWAY with its reason */

__attribute__((format(printf, 2, 3))) static bool fail(char message[DIAL_MESSAGE_SIZE],
                                                       const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(message, DIAL_MESSAGE_SIZE, format, args);
	va_end(args);
	return false;
}

static bool dial_unix(const char *path, int *fd, char message[DIAL_MESSAGE_SIZE])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path)
		return fail(message, "%s: longer than a socket's path may be", path);
	memcpy(address.sun_path, path, strlen(path));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && connect(*fd, (struct sockaddr *)&address, sizeof address) == 0)
		return true;
	fail(message, "cannot connect to %s: %s", path, strerror(errno));
	close(*fd);
	return false;
}

/* Splits "host:port" or "[host]:port". */
static bool split(const char *address, char host[256], const char **port)
{
	const char *colon = strrchr(address, ':');
	if (!colon || (size_t)(colon - address) >= 256)
		return false;
	size_t len = (size_t)(colon - address);
	if (address[0] == '[' && len >= 2 && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	memcpy(host, address, len);
	host[len] = 0;
	*port = colon + 1;
	return true;
}

static bool connect_to(const struct addrinfo *found, int *fd)
{
	int on = 1;
	*fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && connect(*fd, found->ai_addr, found->ai_addrlen) == 0 &&
	    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
		return true;
	int error = errno;
	if (*fd >= 0)
		close(*fd);
	errno = error;
	return false;
}

bool dial(const char *address, int *fd, char message[DIAL_MESSAGE_SIZE])
{
	if (strncmp(address, "unix:", 5) == 0)
		return dial_unix(address + 5, fd, message);
	char host[256];
	const char *port;
	if (!split(address, host, &port))
		return fail(message, "%s: expected HOST:PORT, [IPV6]:PORT or unix:PATH", address);
	struct addrinfo *found, wanted = {.ai_socktype = SOCK_STREAM};
	int error = getaddrinfo(host, port, &wanted, &found);
	if (error)
		return fail(message, "%s: %s", address, gai_strerror(error));
	bool connected = connect_to(found, fd);
	freeaddrinfo(found);
	if (!connected)
		return fail(message, "cannot connect to %s: %s", address, strerror(errno));
	return true;
}

struct hello greeting(const char *agent, const char *token)
{
	return (struct hello){
		.max_frame = LIMIT_FRAME_START,
		.stream_credit = LIMIT_STREAM_CREDIT,
		.connection_credit = LIMIT_CONNECTION_CREDIT,
		.codecs = 1,
		.agent = bytes_of_string(agent),
		.token = bytes_of_string(token),
	};
}

static bool send_greeting(int fd, const char *agent, const char *token)
{
	uint8_t out[PREFACE_SIZE + FRAME_HEADER_SIZE + 1024];
	struct hello hello = greeting(agent, token);
	preface_write(out, FRAME_VERSION, FRAME_VERSION);
	struct writer writer = writer_init(out + PREFACE_SIZE, sizeof out - PREFACE_SIZE);
	frame_header_write(&writer, FRAME_HELLO, 0, 0, hello_size(&hello), 0);
	hello_write(&writer, &hello);
	ssize_t len = writer.at - out;
	return !writer.failed && send(fd, out, (size_t)len, MSG_NOSIGNAL) == len;
}

static bool receive(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

/* Exactly one frame, so that nothing behind it is taken from the socket. */
static bool receive_frame(int fd, uint8_t *data, size_t size, struct frame *frame,
                          const char **reason)
{
	size_t consumed, needed = 0;
	*reason = "the connection ended";
	if (!receive(fd, data, FRAME_HEADER_SIZE))
		return false;
	enum decode decode = frame_decode(bytes_of(data, FRAME_HEADER_SIZE), LIMIT_FRAME_START,
	                                  frame, &consumed, &needed, reason);
	if (decode == DECODE_OK)
		return true;
	if (decode == DECODE_MALFORMED)
		return false;
	*reason = "its first frame is too long";
	if (needed > size)
		return false;
	*reason = "the connection ended";
	return receive(fd, data + FRAME_HEADER_SIZE, needed - FRAME_HEADER_SIZE) &&
	       frame_decode(bytes_of(data, needed), LIMIT_FRAME_START, frame, &consumed, &needed,
	                    reason) == DECODE_OK;
}

static bool read_hello(const struct frame *frame, struct hello *limits,
                       char message[DIAL_MESSAGE_SIZE])
{
	struct goaway_meta goaway;
	struct hello told;
	const char *reason;
	if (frame->type == FRAME_GOAWAY && goaway_meta_decode(frame->meta, &goaway, &reason))
		return fail(message, "the server refuses: %s: %.*s", status_name(goaway.code),
		            (int)goaway.reason.len, (const char *)goaway.reason.data);
	if (frame->type != FRAME_HELLO)
		return fail(message, "the server's first frame is of type %u, not HELLO",
		            frame->type);
	if (!hello_decode(frame->meta, &told, &reason))
		return fail(message, "the server's HELLO: %s", reason);
	*limits = HELLO_START;
	hello_raise(limits, &told);
	limits->agent = limits->token = limits->node = (struct bytes){0};
	return true;
}

bool greet(int fd, const char *agent, const char *token, struct hello *limits,
           char message[DIAL_MESSAGE_SIZE])
{
	uint8_t data[FIRST_FRAME_MAX];
	uint8_t version_min, version_max;
	struct frame frame;
	const char *reason;
	if (!send_greeting(fd, agent, token))
		return fail(message, "cannot send the preface: %s", strerror(errno));
	if (!receive(fd, data, PREFACE_SIZE))
		return fail(message, "the server did not answer the preface");
	if (preface_decode(bytes_of(data, PREFACE_SIZE), &version_min, &version_max, &reason) !=
	    DECODE_OK)
		return fail(message, "the server's preface: %s", reason);
	if (!receive_frame(fd, data, sizeof data, &frame, &reason))
		return fail(message, "the server's HELLO: %s", reason);
	return read_hello(&frame, limits, message);
}

char *read_key_file(const char *path)
{
	char line[LIMIT_TOKEN + 2];
	FILE *file = fopen(path, "re");
	if (!file)
		return NULL;
	char *read = fgets(line, sizeof line, file);
	fclose(file);
	if (!read)
		return NULL;
	line[strcspn(line, "\r\n")] = 0;
	return strdup(line);
}
