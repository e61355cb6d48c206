/* A server may say any bytes to a client: for each input a channel on a socket pair, with calls of
 * every kind that run. Whatever comes, each ends once, and nothing is left.
 *
 * The first byte says how: bit 7 set: gRPC, else the native framing; the others: in pieces of so
 * many bytes (0: all at once), with a turn of the loop after each. */
#include "client/channel.h"
#include "note.pb-c.h"
#include "tests/fuzz/target.h"

#include <sys/socket.h>
#include <unistd.h>

enum { CALLS = 5, TURNS = 3 };

typedef Prism__Test__Client__Note Note;

#define METHOD(which)                                                      \
	{                                                                  \
		.path = "/prism.test.client.NoteService/M", .kind = which, \
		.request = &prism__test__client__note__descriptor,         \
		.response = &prism__test__client__note__descriptor,        \
	}

static const struct prism_method METHODS[] = {METHOD(PRISM_UNARY), METHOD(PRISM_SERVER_STREAMING),
                                              METHOD(PRISM_CLIENT_STREAMING),
                                              METHOD(PRISM_BIDIRECTIONAL)};

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	(void)ctx, (void)call;
	MUST(message->descriptor == &prism__test__client__note__descriptor);
}

static void on_done(void *ctx, const struct prism_result *result)
{
	MUST(result->status <= PRISM_UNAUTHENTICATED);
	++*(unsigned *)ctx;
}

/* The last is a ping. */
static void start(struct prism_channel *channel, unsigned *done)
{
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	note.text = "text";
	for (unsigned i = 0; i < CALLS; i++) {
		struct prism_call_handler handler = {
			.message = on_message, .done = on_done, .ctx = &done[i]};
		const struct prism_method *method = i < CALLS - 1 ? &METHODS[i] : NULL;
		bool streams = method && method->kind >= PRISM_CLIENT_STREAMING;
		const char *fault;
		struct prism_call_options options = {.response_metadata =
		                                             prism_response_metadata_new()};
		struct prism_call *call =
			call_new(channel, method, &options, method && !streams ? &note.base : NULL,
		                 &handler, &fault);
		prism_response_metadata_free(options.response_metadata);
		MUST(call);
		channel_submit(channel, call, fault);
		if (streams)
			MUST(prism_call_send(call, &note.base));
	}
}

static void turns(uv_loop_t *loop, int count)
{
	while (count-- > 0)
		uv_run(loop, UV_RUN_NOWAIT);
}

/* What the client has to say is read and dropped. */
static void drain(int fd)
{
	char sink[65536];
	while (recv(fd, sink, sizeof sink, MSG_DONTWAIT) > 0)
		continue;
}

static void say(uv_loop_t *loop, int fd, const uint8_t *data, size_t len, size_t piece)
{
	if (piece == 0)
		piece = len;
	for (size_t at = 0; at < len; at += piece) {
		size_t now = len - at < piece ? len - at : piece;
		if (send(fd, data + at, now, MSG_DONTWAIT | MSG_NOSIGNAL) <= 0)
			return;
		turns(loop, 1);
		drain(fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	uv_loop_t loop;
	struct prism_channel *channel;
	const struct prism_channel_options options = {
		.protocol = data[0] & 0x80 ? PRISM_GRPC : PRISM_NATIVE, .address = "127.0.0.1:1"};
	unsigned done[CALLS] = {0};
	int pair[2];
	MUST(uv_loop_init(&loop) == 0);
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	MUST(prism_channel_open(&channel, &options, &loop, NULL) == PRISM_OK);
	channel->session = session_new(channel, pair[0]);
	MUST(channel->session);
	channel_set_state(channel, CHANNEL_GREETING);
	start(channel, done);
	say(&loop, pair[1], data + 1, len - 1, data[0] & 0x7f);
	turns(&loop, TURNS);
	prism_channel_close(channel, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	MUST(uv_loop_close(&loop) == 0);
	close(pair[1]);
	for (unsigned i = 0; i < CALLS; i++)
		MUST(done[i] == 1);
	return 0;
}
