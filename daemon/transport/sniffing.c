/* The protocol of a connection that did not say yet what it speaks. */
#include "daemon/transport/connection.h"
#include "daemon/transport/http2/http2.h"
#include "daemon/transport/native.h"
#include "daemon/transport/sniff.h"

#define HTTP1_TEXT                                                                               \
	"This port speaks gRPC and JSON over HTTP/2, and PRISM's native framing; not HTTP/1.1. " \
	"Use "                                                                                   \
	"prismctl, a gRPC client, or curl --http2-prior-knowledge.\n"

static void answer_http1(struct connection *connection)
{
	char text[256];
	int len = snprintf(text, sizeof(text),
	                   "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
	                   "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	                   sizeof(HTTP1_TEXT) - 1, HTTP1_TEXT);
	uint8_t *room = connection_reserve(connection, (size_t)len);
	if (!room)
		return;
	memcpy(room, text, (size_t)len);
	connection_wrote(connection, (size_t)len);
}

static size_t refuse(struct connection *connection, uint64_t *counter, const char *what,
                     struct bytes in)
{
	(*counter)++;
	transport_note(connection->transport, &connection->peer, "closed: %s", what);
	connection_finish(connection);
	return in.len;
}

/* Whether that protocol tells a refused connection so, in its own way. */
static bool says_why(enum sniff found)
{
	return found == SNIFF_MORE || found == SNIFF_NATIVE || found == SNIFF_HTTP2;
}

static size_t sniffing_receive(struct connection *connection, struct bytes in, size_t *needed)
{
	struct transport_counters *counters = &connection->transport->counters;
	if (connection->refused && !says_why(sniff(in))) {
		connection_finish(connection);
		return in.len;
	}
	switch (sniff(in)) {
	case SNIFF_MORE:
		*needed = in.len + 1;
		return 0;
	case SNIFF_NATIVE:
		counters->native++;
		native_begin(connection);
		return 0;
	case SNIFF_HTTP1:
		answer_http1(connection);
		return refuse(connection, &counters->http1, "HTTP/1.1 is not served here", in);
	case SNIFF_HTTP2:
		counters->http2++;
		http2_begin(connection);
		return 0;
	case SNIFF_TLS:
		return refuse(connection, &counters->tls, "TLS is not served here", in);
	case SNIFF_UNKNOWN:
		break;
	}
	return refuse(connection, &counters->unknown, "an unknown protocol", in);
}

static void sniffing_drain(struct connection *connection)
{
	transport_wait(connection->transport, WAIT_LINGER, &connection->phase);
}

static void sniffing_expired(struct connection *connection)
{
	connection->transport->counters.preface_timeouts += !connection->refused;
	connection_abort(connection);
}

const struct protocol sniffing = {
	.name = "unknown",
	.receive = sniffing_receive,
	.drain = sniffing_drain,
	.expired = sniffing_expired,
};
