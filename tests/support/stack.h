/* stack - a whole PRISM for one test: a private PostgreSQL with the schema at head, prismd before
 * it, and service keys made as an operator makes them, by prism-db.
 *
 * Owns: the cluster, a state directory, the daemon. stack_stop() asserts that the daemon drains
 * and exits with 0, which it does only when no call, fiber, arena or connection is left. */
#pragma once
#include "tests/support/cluster.h"
#include "tests/support/program.h"

#include <prism/client.h>

enum { STACK_KEY_SIZE = 64 };

struct stack {
	struct cluster *cluster;
	struct program prismd;
	char directory[64]; /* also the daemon's state directory */
};

/* A cluster with the schema at head; no daemon yet. */
void stack_open(struct stack *stack);

/* The same, with `settings`, lines of postgresql.conf. */
void stack_open_with(struct stack *stack, const char *settings);

/* Starts prismd with `arguments` (NULL-terminated, or NULL) besides address, state and database. */
void stack_serve(struct stack *stack, const char *const arguments[]);

/* The same at this address. */
void stack_serve_at(struct stack *stack, const char *address, const char *const arguments[]);

/* SIGKILL, then another prismd at the same address. */
void stack_kill_and_serve(struct stack *stack, const char *const arguments[]);

/* prism-db ARGUMENTS against the cluster and the state directory; its output. Fails unless it exits
 * with 0. */
void stack_prism_db(struct stack *stack, const char *const arguments[], char text[PROGRAM_TEXT]);

/* A new service key with these scopes (comma-separated); organization 0: any. */
void stack_key(struct stack *stack, const char *scopes, long organization,
               char key[STACK_KEY_SIZE]);

/* A blocking channel to the daemon. `actor` NULL: none. */
struct prism_channel *stack_channel(const struct stack *stack, const char *key, const char *actor);

void stack_stop(struct stack *stack);
