/* dial - a connection to a server, and the greeting of the native framing on it.
 *
 * Blocking: used before the load begins. Errors: false and a message that says what was tried. */
#pragma once
#include "proto/frame.h"

enum { DIAL_MESSAGE_SIZE = 256 };

/* "127.0.0.1:7400", "[::1]:7400", "host:7400" or "unix:/path"; TCP without Nagle's delay. *fd is
 * the caller's. */
MUST_CHECK
bool dial(const char *address, int *fd, char message[DIAL_MESSAGE_SIZE]);

/* Preface and HELLO both ways. *limits is what the server allows us (its HELLO over HELLO_START;
 * texts are dropped). */
MUST_CHECK
bool greet(int fd, const char *agent, const char *token, struct hello *limits,
           char message[DIAL_MESSAGE_SIZE]);

/* HTTP/2's preface and SETTINGS both ways. *streams is how many calls the server allows at once. */
MUST_CHECK
bool greet_http2(int fd, uint32_t *streams, char message[DIAL_MESSAGE_SIZE]);

/* What our HELLO says: the credit that the server may use towards us. */
struct hello greeting(const char *agent, const char *token);

/* The first line of the file, as a heap string; NULL when it cannot be read. */
char *read_key_file(const char *path);
