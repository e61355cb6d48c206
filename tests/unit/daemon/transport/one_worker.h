/* one_worker - a worker of the test server on the test's own thread: its loop turns when the test
 * says so, and what it holds may be looked at between two turns. It serves EchoService and Health.
 */
#pragma once
#include "daemon/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern struct worker *worker;

/* For cmocka: listens on a free port of loopback. */
int one_worker_setup(void **state);

/* Asserts that nothing is left. */
int one_worker_teardown(void **state);

void one_worker_turns(int count);

/* A client's connected socket; the worker has not looked. */
int one_worker_connect(void);

/* A client's socket that does not block; `receive_buffer` bytes of SO_RCVBUF (0: the default).
 * Returns when the worker has accepted it. */
int one_worker_dial(int receive_buffer);

/* Preface and HELLO; what the worker says to it is dropped. */
void one_worker_greet(int fd, const struct hello *hello);

/* Sends all of it; the worker takes turns until it has read as much. */
void one_worker_say(int fd, struct bytes bytes);

/* A CALL frame with CLOSE to a method of the EchoService. */
void one_worker_call(int fd, uint32_t stream, const char *method, struct bytes body);

void one_worker_call_path(int fd, uint32_t stream, const char *path, struct bytes body);

/* CREDIT on a stream, or on the connection: 0. */
void one_worker_grant(int fd, uint32_t stream, uint32_t increment);

/* Reads what there is, at most `most` bytes, and drops it; returns how much. */
size_t one_worker_hear(int fd, size_t most);

/* The connection that was accepted last. */
struct connection *one_worker_connection(void);
