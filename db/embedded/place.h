/* place - where the parts of an embedded cluster are, and making them so that PostgreSQL's user
 * reaches them. Private to embedded/.
 *
 * STATE_DIR/postgresql/ has data/, log, and socket/ if its path is short and plain enough for a
 * socket, else a short private directory elsewhere, remembered in `socket_directory`. When
 * PostgreSQL's user cannot get into STATE_DIR at all (below /root, say), STATE_DIR/postgresql is a
 * link to a directory of its own below /var/lib/prism. */
#pragma once
#include "db/embedded/account.h"
#include "db/startup/state_dir.h"

struct place {
	struct account account;
	char state_dir[STATE_PATH_SIZE]; /* real paths */
	char base[STATE_PATH_SIZE];
	char data[STATE_PATH_SIZE];
	char log[STATE_PATH_SIZE];
};

/* Finds what is there. *found false: there is no cluster; `state_dir` may not exist either. */
MUST_CHECK
bool place_find(struct place *out, const char *state_dir, bool *found, char *message,
                size_t message_size);

/* The same, and makes what is missing. */
MUST_CHECK
bool place_make(struct place *out, const char *state_dir, char *message, size_t message_size);

/* The directory for the socket: the remembered one while it is fit, or a new one. */
MUST_CHECK
bool place_socket(const struct place *place, char *out, size_t size, char *message,
                  size_t message_size);
/* After an orderly stop: a directory outside of the state directory goes. */
void place_forget_socket(const struct place *place);

enum { PLACE_PORT = 5432 }; /* of the socket's name alone */
