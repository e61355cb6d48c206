/* notify - tells the service manager how we are: the sd_notify protocol, a datagram to
 * $NOTIFY_SOCKET (man 3 sd_notify), spoken by hand. Without that variable: nothing.
 *
 * Thread: any. Errors: none; a service manager that does not listen is no trouble of ours. */
#pragma once
#include <stdint.h>

enum { NOTIFY_SIZE = 512 }; /* of one message; what is longer is cut */

/* "READY=1\nSTATUS=serving" and the like. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How often we have to say WATCHDOG=1, in milliseconds; 0: nobody listens for it. */
uint64_t notify_watchdog_ms(void);
