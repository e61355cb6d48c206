/* interrupt - signals that tell us to end, as something to poll: none is lost between a look and a
 * wait. Private to backup/.
 *
 * Until interrupt_arm() they do what they did before, and in a process that never arms, such as
 * prismd, they always do. Thread: the one that armed. */
#pragma once
#include "proto/status.h"

/* From here on SIGINT, SIGTERM and SIGHUP wait to be asked for. */
void interrupt_arm(void);

/* Readable once one has come; -1, which poll() leaves alone, if nothing is armed. */
int interrupt_fd(void);

/* Whether one has come. */
bool interrupt_came(void);
