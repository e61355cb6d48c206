/* notify - tells the service manager how we are: the sd_notify protocol, a datagram to
 * $NOTIFY_SOCKET (man 3 sd_notify), spoken by hand. Without that variable: nothing.
 *
 * Thread: any. Errors: none; a service manager that does not listen is no trouble of ours. */
#pragma once

/* "READY=1\nSTATUS=serving" and the like. */
void notify(const char *state);
