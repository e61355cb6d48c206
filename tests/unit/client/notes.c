#include "tests/unit/client/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOTE_METHOD(name, ...)                                                  \
	{                                                                       \
		.path = "/prism.test.client.NoteService/" name,                 \
		.request = &prism__test__client__note__descriptor,              \
		.response = &prism__test__client__note__descriptor, __VA_ARGS__ \
	}

const struct prism_method NOTE_GET = NOTE_METHOD("Get", .kind = PRISM_UNARY);
const struct prism_method NOTE_READ =
	NOTE_METHOD("Read", .kind = PRISM_UNARY, .idempotency = PRISM_READ);
const struct prism_method NOTE_PUT = {
	.path = "/prism.test.client.NoteService/Put",
	.request = &prism__test__client__keyed_note__descriptor,
	.response = &prism__test__client__note__descriptor,
	.idempotency = PRISM_KEYED,
};
const struct prism_method NOTE_LIST = NOTE_METHOD("List", .kind = PRISM_SERVER_STREAMING);
const struct prism_method NOTE_COLLECT = NOTE_METHOD("Collect", .kind = PRISM_CLIENT_STREAMING);
const struct prism_method NOTE_CHAT = NOTE_METHOD("Chat", .kind = PRISM_BIDIRECTIONAL);

struct bytes note_pack(uint8_t *out, const char *text, uint64_t number)
{
	Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	note.text = (char *)text;
	note.number = number;
	return bytes_of(out, prism__test__client__note__pack(&note, out));
}

struct prism_channel *note_channel(const char *address)
{
	return note_channel_attempts(address, 0);
}

struct prism_channel *note_channel_attempts(const char *address, uint32_t attempts)
{
	return note_channel_with(&(struct prism_channel_options){
		.address = address, .agent = "notes", .retry.max_attempts = attempts});
}

struct prism_channel *note_channel_grpc(const char *address, uint32_t attempts)
{
	return note_channel_with(&(struct prism_channel_options){.protocol = PRISM_GRPC,
	                                                         .address = address,
	                                                         .key = "prk_secret",
	                                                         .agent = "notes",
	                                                         .max_message = 1000,
	                                                         .retry = {attempts, 1, 1}});
}

struct prism_channel *note_channel_with(const struct prism_channel_options *options)
{
	struct prism_channel *channel = NULL;
	char message[256];
	unsetenv("PRISM_ADDRESS");
	unsetenv("PRISM_KEY_FILE");
	unsetenv("PRISM_ACTOR");
	if (prism_channel_open(&channel, options, NULL, message) != PRISM_OK)
		fail_msg("%s", message);
	return channel;
}

enum prism_status note_call(struct prism_channel *channel, const struct prism_method *method,
                            const char *text, Prism__Test__Client__Note **response,
                            struct prism_result *result)
{
	Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	note.text = (char *)text;
	return prism_call_wait(channel, method, NULL, &note.base, (ProtobufCMessage **)response,
	                       result);
}

void assert_says(const struct prism_result *result, const char *words)
{
	if (!strstr(result->message, words))
		fail_msg("\"%s\" does not say \"%s\"", result->message, words);
}
