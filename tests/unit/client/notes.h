/* notes - methods and messages that the client's tests share. */
#pragma once
#include "note.pb-c.h"
#include "proto/bytes.h"

#include <prism/client.h>

extern const struct prism_method NOTE_GET;     /* unary */
extern const struct prism_method NOTE_READ;    /* unary, READ */
extern const struct prism_method NOTE_PUT;     /* unary, KEYED, of KeyedNotes */
extern const struct prism_method NOTE_LIST;    /* server-streaming */
extern const struct prism_method NOTE_COLLECT; /* client-streaming */
extern const struct prism_method NOTE_CHAT;    /* bidirectional */

/* Packed into `out`, which is to hold it. */
struct bytes note_pack(uint8_t *out, const char *text, uint64_t number);

/* Blocking; the channel has no defaults from the environment. */
struct prism_channel *note_channel(const char *address);
/* Whose calls are sent so often at most; 0: the default. */
struct prism_channel *note_channel_attempts(const char *address, uint32_t attempts);
/* The same over gRPC, with the key "prk_secret" and answers of up to 1,000 bytes. */
struct prism_channel *note_channel_grpc(const char *address, uint32_t attempts);
struct prism_channel *note_channel_with(const struct prism_channel_options *options);

/* Unary and blocking with a Note of this text; *response is the caller's. */
enum prism_status note_call(struct prism_channel *channel, const struct prism_method *method,
                            const char *text, Prism__Test__Client__Note **response,
                            struct prism_result *result);

/* The result's message has these words in it. */
void assert_says(const struct prism_result *result, const char *words);
